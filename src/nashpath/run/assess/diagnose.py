"""Diagnosis of members of a run folder by every diagnostic that applies."""

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nashpath.core import FunctionalGame, derive, generator
from nashpath.core.source import HasModes
from nashpath.diagnostics import Finding, RunSummary, certify, findings, statements
from nashpath.diagnostics.certificate import PointEvidence
from nashpath.run.assess.diagnose_play import (
    continue_training,
    draw,
    is_network,
    look_at_samples,
    still_grows,
    to_float64,
)
from nashpath.run.assess.diagnose_point import BATCHES, TOLERANCE, Arrays, look_at_point, magnitudes, parameter_count
from nashpath.run.assess.diagnose_steps import compare_steps
from nashpath.run.engine.step import TrainState, Trial, outcome
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import restore_members
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.observe.snapshot import has_samples

PRECISE = 20_000
"""Up to this many parameters all is computed in float64; beyond, the time counts for more than the digits."""
REPORTED = ("rates", "sharpness", "margins", "r1", "vanishing", "logit", "modes", "spread", "growing", "moves")
"""Entries of the summary that are recorded in addition to the evidence."""

Frames = tuple[np.ndarray, np.ndarray]
"""A member's samples halfway through training and at its end, from the same latents."""


class Diagnosis(NamedTuple):
    """The verdict on one member: the certificate, what is wrong (if anything), the numbers, and what figures need."""

    member: int
    step: int
    summary: RunSummary
    numbers: dict[str, Any]
    arrays: Arrays

    @property
    def wrong(self) -> list[Finding]:
        """Findings, most fundamental first."""
        return findings(self.summary)

    @property
    def sentences(self) -> list[str]:
        """All sentences: first findings, then the kind of point."""
        return [one.sentence for one in [*self.wrong, *statements(self.summary)]]

    def as_json(self) -> dict[str, Any]:
        """A member's entry of ``diagnosis.json``."""
        said = {"findings": self.wrong, "statements": statements(self.summary)}
        parts = {name: [{**vars(one), "figures": list(one.figures)} for one in those] for name, those in said.items()}
        where = {"member": self.member, "step": self.step, "outcome": self.summary.outcome}
        return {**where, "certificate": self.summary.kind, **parts, "numbers": self.numbers}


def diagnose(run: str | Path, members: Sequence[int] | None = None) -> list[Diagnosis]:
    """Diagnoses members (default: all) of a run at its last checkpoint, and writes ``diagnosis.json`` into its folder.

    What the figures of the report need is in ``diagnosis.npz``, as ``m<member>.<name>``. Raises `SettingError` or
    `CheckpointError` where the folder holds no run, no such member or no checkpoint.
    """
    folder = Path(run)
    if members is not None and not members:
        raise SettingError("no member to diagnose")
    restored = restore_members(folder, members)
    found = [
        diagnose_member(m.index, trial, train_state, _frames(folder, m.index)) for m, trial, train_state in restored
    ]
    store = RunFolder(folder)
    arrays = {f"m{one.member}.{name}": array for one in found for name, array in one.arrays.items()}
    store.write_arrays("diagnosis.npz", arrays)
    store.write_json("diagnosis.json", {"members": [one.as_json() for one in found]})
    return found


def diagnose_member(member: int, trial: Trial, train_state: TrainState, frames: Frames | None = None) -> Diagnosis:
    """The verdict on one trial at its training state; neither is changed."""
    trial, step = copy.deepcopy(trial), int(train_state.steps)
    solver = trial.solver.unwrapped(train_state.memory)[0].label()
    summary = RunSummary("diverged", PointEvidence(), outcome(trial, train_state), solver)
    arrays = look_at_samples(trial, train_state, summary) if has_samples(trial) else {}
    if frames and has_samples(trial):
        summary.growing = still_grows(
            *frames, trial.game.data.centres if isinstance(trial.game.data, HasModes) else None
        )
    if parameter_count(train_state.point) <= PRECISE:
        trial, train_state = to_float64(trial), to_float64(train_state)
    problem, batches = FunctionalGame(trial.game), draw(trial.game, generator(derive(0, "curvature")), BATCHES)
    if summary.outcome.startswith("diverged"):
        return Diagnosis(member, step, summary, {}, arrays | magnitudes(problem, train_state.point, batches))
    near, numbers, seen = look_at_point(trial.game, problem, train_state.point, batches, summary)
    arrays |= seen
    evidence = summary.evidence
    evidence.spread = 1.0 if summary.spread is None or summary.growing else summary.spread
    if evidence.finite:
        arrays |= compare_steps(trial, train_state.memory, near, summary)
    if evidence.finite and (is_network(train_state) or evidence.distance > TOLERANCE):
        evidence.trajectory, way = continue_training(trial, train_state, summary)
        arrays |= way
        summary.moves = evidence.trajectory.move if evidence.trajectory and is_network(train_state) else None
    summary.kind = certify(evidence, TOLERANCE)
    return Diagnosis(member, step, summary, numbers | _numbers(summary), arrays)


def _numbers(summary: RunSummary) -> dict[str, Any]:
    evidence = summary.evidence
    plain = {k: v for k, v in vars(evidence).items() if not isinstance(v, tuple | complex | np.ndarray)}
    path = evidence.trajectory._asdict() if evidence.trajectory else None
    return {**plain, "trajectory": path, **{name: getattr(summary, name) for name in REPORTED}}


def _frames(folder: Path, member: int) -> Frames | None:
    """The saved samples of a member, halfway and last; None where they were not saved."""
    files = sorted((folder / "samples").glob("step-*.npz"))
    steps = [int(file.stem.removeprefix("step-")) for file in files]
    if len(files) < 3:
        return None
    half = min(range(1, len(files) - 1), key=lambda i: abs(steps[i] - steps[-1] / 2))
    found = []
    for file in (files[half], files[-1]):
        with np.load(file, allow_pickle=False) as stored:
            if f"m{member}" not in stored.files:
                return None
            found.append(stored[f"m{member}"])
    return found[0], found[1]
