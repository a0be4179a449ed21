"""A flow of particles as a run folder, so that a report shows it as it shows a trained game."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import derive, generator
from nashpath.core.math.mmd import gaussian_mmd
from nashpath.core.math.transport import wasserstein
from nashpath.core.source import HasModes
from nashpath.flows import Flow, State, simulate, smoothed_kl
from nashpath.run.engine.device import find_device
from nashpath.run.engine.program import never
from nashpath.run.errors import SettingError
from nashpath.run.folder.run_folder import RunFolder, check_new, machine
from nashpath.run.observe.snapshot import GRID, extent, grid
from nashpath.run.settings.flow import build_flow, build_integrator, flow_rows, start
from nashpath.run.settings.method_files import Entry, MethodFile, origins, without_folders
from nashpath.run.training.group import RunProgress

ARROWS = 16
"""The velocity is saved on a square grid of so many points a side."""
WARNINGS = 5
"""At most so many overshoots are described in ``run.json``."""


def run_flow(
    settings: Any,
    out: Path,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    files: Sequence[MethodFile] = (),
) -> Path:
    """Runs a flow and writes its run folder ``out``; ``settings`` come from `resolve_flow`.

    ``files`` registered methods of one's own; the folder says which.

    Rows of ``metrics.jsonl`` hold ``time``, ``step_size``, ``divergence`` (what the flow must decrease, as it sees it),
    ``dissipation`` (the rate at which that fell since the last row), ``dissipation_theory`` (the rate that theory
    gives, averaged over the same steps), ``held`` (share of particles whose move was cut), ``overshoots``; and, where
    samples are saved, ``kl`` (smoothed), ``mmd`` (squared) and ``w2`` between particles and real samples.
    """
    store = RunFolder(out)
    if store.exists():
        raise SettingError(f"{out} already holds a run; choose another --out")
    check_new(out)
    settings.device = str(find_device(settings.device))
    methods = origins(flow_rows(settings), files)
    store.claim()
    try:
        return _flow(settings, store, methods, notify, stop)
    finally:
        store.release()


def _flow(
    settings: Any,
    store: RunFolder,
    methods: list[Entry],
    notify: Callable[[RunProgress], None],
    stop: Callable[[], bool],
) -> Path:
    recorder = _Recorder(settings, store, methods)
    store.create({**settings.model_dump(mode="json"), **({"with": methods} if methods else {})})
    recorder.reference()
    rng = generator(derive(settings.seed, "draws"), settings.device)
    particles = start(settings, recorder.source.shape, recorder.device)
    integrator = build_integrator(settings, recorder.device)
    for state in simulate(recorder.flow, particles, rng, integrator, settings.steps):
        recorder.take(state)
        if recorder.logged:
            notify(recorder.progress())
        if stop():
            break
    recorder.conclude(stopped=stop())
    return store.folder


class _Recorder:
    """Writes down what happens along the flow."""

    def __init__(self, settings: Any, store: RunFolder, methods: list[Entry]):
        self.settings, self.store, self.device = settings, store, torch.device(settings.device)
        self.methods = methods
        self.flow, self.source = build_flow(settings, self.device)
        self.begun, self.started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        self.log_every = settings.log_every or max(1, settings.steps // 100)
        self.sample_every = settings.sample_every or max(1, settings.steps // 40)
        real = self.source.draw(generator(derive(settings.seed, "evaluation")), settings.evaluation_samples)["real"]
        self.real = real.flatten(1)
        self.plane = self.source.shape == (2,)
        self.square = extent(self.source.draw(generator(0), 2000)["real"]) if self.plane else None
        self.state: State | None = None
        self.logged = False
        self.warnings: list[str] = []
        self.metrics: dict[str, float] = {}
        self.window: list[tuple[float, float]] = []
        self.overshoots, self.before = 0, None

    def reference(self) -> None:
        """Real samples to compare with, and the centres of the modes where there are any."""
        real = self.source.draw(generator(0), max(256, self.settings.samples))["real"]
        arrays = {"real": real.numpy()}
        if isinstance(self.source, HasModes):
            arrays["centres"] = np.asarray(self.source.centres)
        self.store.write_arrays("reference.npz", arrays)

    def take(self, state: State) -> None:
        """Records one state where a row or a picture is due."""
        size = state.time - self.state.time if self.state is not None else 0.0
        self.state = state
        if state.overshoot is not None:
            self.overshoots += 1
            if len(self.warnings) < WARNINGS:
                self.warnings.append(f"step {state.step}: {state.overshoot}")
        if state.field is not None and state.field.dissipation is not None:
            self.window.append((float(state.field.dissipation), size))
        last = state.step == self.settings.steps
        row: dict[str, Any] = {}
        self.logged = state.step % self.log_every == 0 or last
        if self.logged:
            row |= self._motion(state, size)
        if state.step % self.sample_every == 0 or last:
            row |= self._estimates(state.particles)
            self._picture(state)
        if row:
            where = {"step": state.step, "member": 0, "seconds": round(time.perf_counter() - self.begun, 3)}
            self.store.append([{**where, **row}])

    def _motion(self, state: State, size: float) -> dict[str, Any]:
        row: dict[str, Any] = {"time": state.time}
        if state.field is None:
            return row
        row |= {"step_size": size, "held": state.held, "overshoots": self.overshoots}
        if state.field.divergence is None:
            return row
        value, began = float(state.field.divergence), state.time - size
        row["divergence"] = value
        spent = sum(length for _, length in self.window)
        if self.before is not None and began > self.before[1]:
            row["dissipation"] = (self.before[0] - value) / (began - self.before[1])
        if self.window and spent > 0:
            row["dissipation_theory"] = sum(rate * length for rate, length in self.window) / spent
        self.before, self.window = (value, began), []
        return row

    def _estimates(self, particles: Tensor) -> dict[str, float]:
        x, width = particles[: self.settings.evaluation_samples].flatten(1).cpu(), self.settings.bandwidth
        kl, mmd = smoothed_kl(x, self.real, width), float(gaussian_mmd(x, self.real, width)[0])
        self.metrics = {"kl": kl, "mmd": mmd, "w2": wasserstein(x, self.real, power=2)}
        return self.metrics

    @torch.no_grad()
    def _picture(self, state: State) -> None:
        arrays = {"m0": state.particles[: self.settings.samples].cpu().numpy()}
        if self.square is not None:
            arrays["extent"] = np.array(self.square, dtype=np.float32)
            arrow_grid = grid(self.square, ARROWS, self.device)
            velocity = self.flow.field(arrow_grid, state.particles, state.memory).velocity
            arrays["field0"] = velocity.reshape(ARROWS, ARROWS, 2).cpu().numpy()
            arrays |= _levels(self.flow, state, grid(self.square, GRID, self.device))
        self.store.write_arrays(f"samples/step-{state.step:08d}.npz", arrays)

    def progress(self) -> RunProgress:
        """Where the flow stands, for whoever watches."""
        assert self.state is not None
        rate = self.state.step / max(1e-9, time.perf_counter() - self.begun)
        return RunProgress(self.state.step, self.settings.steps, 1, 1, dict(self.metrics), rate, "flowing")

    def conclude(self, stopped: bool) -> None:
        """Writes the last picture, the outcome and the facts."""
        assert self.state is not None
        whole = self.state.step == self.settings.steps
        outcome = (
            "finished" if whole else "stopped" if stopped else f"diverged: particles at step {self.state.step + 1}"
        )
        member = {"member": 0, "seed": self.settings.seed, "settings": {}, "costs": {}, "metrics": self.metrics}
        self.store.write_json("members.json", [{**member, "outcome": outcome, "steps": self.state.step}])
        seconds = time.perf_counter() - self.begun
        facts = {
            "format": 1,
            "kind": "flow",
            "name": self.store.folder.name,
            "status": "stopped" if stopped and not whole else "finished",
            "started": self.started,
            "wall_seconds": round(seconds, 3),
            "steps": self.state.step,
            "steps_per_second": round(self.state.step / seconds, 3),
            **machine(),
            "device": str(self.device),
            "shape": list(self.source.shape),
            "overshoots": self.overshoots,
            "warnings": self.warnings,
            **({"methods": without_folders(self.methods)} if self.methods else {}),
        }
        self.store.write_json("run.json", facts)


def _levels(flow: Flow, state: State, grid: Tensor) -> dict[str, np.ndarray]:
    """The log ratio on the grid, where the flow has one."""
    ratio: Any = getattr(flow, "ratio", None)
    if ratio is None:
        return {}
    logits, _ = ratio.log_ratio(grid, state.particles, state.memory)
    return {"level0": logits.reshape(GRID, GRID).cpu().numpy()}
