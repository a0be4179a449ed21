"""What a flow writes down as it goes: rows, particles, the outcome, and its checkpoints."""

import math
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Key
from nashpath.core.math.mmd import gaussian_mmd
from nashpath.core.own import is_named, own_title, own_warnings
from nashpath.core.source import HasModes
from nashpath.core.tree import located_leaves
from nashpath.flows import Flow, State, smoothed_kl
from nashpath.metrics import MetricError, exact_wasserstein
from nashpath.run.engine.device import hardware
from nashpath.run.errors import SettingError
from nashpath.run.folder.about_data import about_data
from nashpath.run.folder.checkpoint import changed_draws, fill_tree, read_checkpoint, save_trees
from nashpath.run.folder.identity import DATA_SINCE, not_of_now
from nashpath.run.folder.run_folder import RunFolder, machine
from nashpath.run.observe.snapshot import GRID, extent, grid
from nashpath.run.settings.flow import build_flow, start
from nashpath.run.settings.method_files import Entry, without_folders
from nashpath.run.training.group import RunProgress
from nashpath.run.training.session import affordable, allowed_seconds, multiple, share_told

ARROWS = 16
"""The velocity is saved on a square grid of so many points a side."""
WARNINGS = 5
"""At most so many overshoots are described in ``run.json``."""


class FlowRecorder:
    """Writes down what happens along the flow."""

    def __init__(self, settings: Any, store: RunFolder, methods: list[Entry], stands_on: dict[str, Any]):
        self.settings, self.store, self.device = settings, store, torch.device(settings.device)
        self.methods, self.stands_on = methods, stands_on
        self.changes: list[str] = []
        self.flow, self.source = build_flow(settings, self.device)
        self.begun, self.started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        self.log_every = settings.log_every or max(1, settings.steps // 100)
        self.sample_every = settings.sample_every or max(1, settings.steps // 40)
        self.rarer, self.settled = 1, False
        """The multiple of `sample_every` at which there are estimates, and whether that is settled."""
        self.flowing, self.flowed, self.left_at = 0.0, 0, time.process_time()
        """Seconds of processes in so many steps alone; where the clock of this one stood when steps began again."""
        self.warm = False
        """Whether this process has made estimates."""
        real = self.source.draw(Key(settings.seed, "evaluation"), settings.evaluation_samples)["real"]
        self.real = real.flatten(1)
        self.plane = self.source.shape == (2,)
        self.square = extent(self.source.draw(Key(0, "shown"), 2000)["real"]) if self.plane else None
        self.state: State | None = None
        self.logged = False
        self.warnings: list[str] = []
        self.origin = start(settings, self.source.shape, self.device)
        """The particles at step 0."""
        self.metrics: dict[str, float] = {}
        self.missing: dict[str, str] = {}
        """Why there are none of these numbers."""
        self.window: list[tuple[float, float]] = []
        self.overshoots = 0
        self.before: tuple[float, float] | None = None

    def reference(self) -> None:
        """Real samples to compare with, and the centres of the modes where there are any."""
        real = self.source.draw(Key(0, "shown"), max(256, self.settings.samples))["real"]
        arrays = {"real": real.numpy()}
        if isinstance(self.source, HasModes):
            arrays["centres"] = np.asarray(self.source.centres)
        self.store.write_arrays("reference.npz", arrays)

    def take(self, state: State) -> None:
        """Records one state where a row or a picture is due."""
        if state.step:
            self.flowing, self.flowed = self.flowing + time.process_time() - self.left_at, self.flowed + 1
        if self.state is None:
            _check_memory(self.settings.flow.kind, state.memory)
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
            if state.step % (self.sample_every * self.rarer) == 0 or last:
                row |= self._estimated(state)
            self._picture(state)
        if row:
            self._append(row)
        self.left_at = time.process_time()

    def _append(self, row: dict[str, Any]) -> None:
        assert self.state is not None
        where = {"step": self.state.step, "member": 0, "seconds": round(time.perf_counter() - self.begun, 3)}
        self.store.append([{**where, **row}])

    def _estimated(self, state: State) -> dict[str, float]:
        """The estimates; from the second ones it is settled how often they are made, where nobody said so.

        The first ones of a process also pay for what is done once: where they would settle it they are made twice.
        """
        settles = not (self.settings.sample_every or self.settled) and 0 < state.step < self.settings.steps
        if settles and not self.warm:
            self._estimates(state.particles)
        began = time.process_time()
        found = self._estimates(state.particles)
        if settles:
            said = self._settle(time.process_time() - began, self.flowing / self.flowed)
            self.warnings += [said] if said else []
        return found

    def _ground(self) -> dict[str, int]:
        """What a settlement stands on."""
        return {"steps": self.settings.steps, "sample_every": self.sample_every}

    def _settle(self, once: float, step: float) -> str:
        """Chooses `rarer` from the seconds of estimates and of a step; returns what to tell people, if anything."""
        self.settled = True
        between, total = (self.settings.steps - 1) // self.sample_every, self.settings.steps
        fitting = affordable(allowed_seconds(step, total) - 3 * once, once)  # less the first, the present and the last
        if between <= fitting + 1:
            return ""
        self.rarer = multiple(between, fitting)
        often = f"every {self.rarer * self.sample_every} steps" if fitting else "at the start and the end alone"
        takes = share_told((3 + (total - 1) // (self.rarer * self.sample_every)) * once, total * step)
        return (
            f"estimating KL, MMD and W2 takes {once:.2g} s and a step {step:.2g} s: done {often}, {takes}; "
            "sample_every says how often instead"
        )

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
        kl, mmd, w2 = smoothed_kl(x, self.real, width), float(gaussian_mmd(x, self.real, width)[0]), math.nan
        with suppress(MetricError):  # an estimate on the way never ends a flow
            w2 = exact_wasserstein(x, self.real, 2, most=max(len(x), len(self.real)))
        self.metrics, self.warm = {"kl": kl, "mmd": mmd, "w2": w2}, True
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
        self.store.write_samples(state.step, arrays)

    def checkpoint(self) -> None:
        """Writes everything that a resumed flow needs, atomically."""
        assert self.state is not None
        meta = {
            "taken": [self.state.step],
            "time": self.state.time,
            "spent": time.perf_counter() - self.begun,
            "window": self.window,
            "before": self.before,
            "overshoots": self.overshoots,
            "warnings": self.warnings,
            "rarer": self.rarer,
            "settled": self._ground() if self.settled else {},
            "flowing": [self.flowing, self.flowed],
            "metrics": self.metrics,
            "identity": self.stands_on,
            "changes": self.changes,
            "about_data": about_data([self.source]),
        }
        save_trees(self.store, {"flow": _tree(self.state)}, meta)
        self.left_at = time.process_time()

    def restore(self) -> None:
        """Goes back to where the last checkpoint left the flow, where it was not stopped before its first."""
        if not self.store.has_checkpoint():
            self.store.truncate(-1)
            return
        with torch.no_grad():
            memory = self.flow.init(self.origin, Key(0, device=self.device))
        like = _tree(State(0, 0.0, self.origin, memory))
        path, tensors, meta = read_checkpoint(self.store)
        self.changes += changed_draws(self.store, meta)
        tree = fill_tree(like, "flow.", tensors, path)
        self.state = State(meta["taken"][0], meta["time"], tree["particles"], tree["memory"])
        self.begun -= meta["spent"]
        if meta.get("settled") == self._ground():
            self.rarer, self.settled = meta["rarer"], True
        self.flowing, self.flowed = meta.get("flowing", (0.0, 0))
        self.window = [(rate, size) for rate, size in meta["window"]]
        self.before = tuple(meta["before"]) if meta["before"] else None
        self.overshoots, self.warnings, self.metrics = meta["overshoots"], meta["warnings"], meta["metrics"]
        self.store.truncate(self.state.step)
        self.left_at = time.process_time()

    def forget(self) -> None:
        """Takes back, on the disk too, what was measured on other data than the flow has from this step on."""
        if self.state is not None:
            self.missing, self.metrics = dict.fromkeys(self.metrics, not_of_now(self.state.step)), {}
            self.before, self.window = None, []
            self.conclude(stopped=True)

    def measure_anew(self) -> None:
        """What the flow has from this step on other data: what it is compared with, estimates and a picture."""
        self.reference()
        if self.state is not None:
            self.missing, found = {}, self._estimates(self.state.particles)
            self._append(found)
            self._picture(self.state)
            self.checkpoint()

    def progress(self) -> RunProgress:
        """Where the flow stands, for whoever watches."""
        assert self.state is not None
        rate = self.state.step / max(1e-9, time.perf_counter() - self.begun)
        return RunProgress(self.state.step, self.settings.steps, 1, 1, dict(self.metrics), rate, "flowing")

    def _whose(self) -> str:
        return f" (of {own_title(self.flow)})" if is_named(self.flow) else ""

    def conclude(self, stopped: bool) -> None:
        """Writes the last picture, the outcome and the facts."""
        assert self.state is not None
        whole = self.state.step == self.settings.steps
        lost = f"diverged: particles at step {self.state.step + 1}{self._whose()}"
        outcome = "finished" if whole else "stopped" if stopped else lost
        member = {"member": 0, "seed": self.settings.seed, "settings": {}, "costs": {}, "metrics": self.metrics}
        member |= {"missing": self.missing} if self.missing else {}
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
            **hardware(self.device),
            "device": str(self.device),
            "shape": list(self.source.shape),
            "overshoots": self.overshoots,
            "warnings": [*self.changes, *own_warnings(self.flow), *self.warnings],
            **{key: value for key, value in self.stands_on.items() if key == DATA_SINCE},
            **({"methods": without_folders(self.methods)} if self.methods else {}),
        }
        self.store.write_json("run.json", facts)


def _tree(state: State) -> dict[str, Any]:
    """All tensors that a flow goes on from."""
    return {"particles": state.particles, "memory": state.memory}


def _check_memory(kind: str, memory: Any) -> None:
    """Raises `SettingError` for a memory that no checkpoint holds, before anything is computed for it."""
    for steps, leaf in located_leaves(memory):
        if not isinstance(leaf, Tensor):
            at = ".".join(map(str, steps)) or "itself"
            raise SettingError(f"flow={kind}: its memory must be a tree of tensors; {at} is {type(leaf).__name__}")


def _levels(flow: Flow, state: State, grid: Tensor) -> dict[str, np.ndarray]:
    """The log ratio on the grid, where the flow has one."""
    ratio: Any = getattr(flow, "ratio", None)
    if ratio is None:
        return {}
    logits, _ = ratio.log_ratio(grid, state.particles, state.memory)
    return {"level0": logits.reshape(GRID, GRID).cpu().numpy()}
