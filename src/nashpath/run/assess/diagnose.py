"""Diagnosis of members of a run folder by every diagnostic that applies."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from nashpath.core import FunctionalGame, Key
from nashpath.core.cache import check_replaceable
from nashpath.core.source import HasModes
from nashpath.core.torch_compat import IMPORTED_BY_GRADIENTS
from nashpath.diagnostics import (
    Averages,
    Finding,
    Kind,
    Linearised,
    PointEvidence,
    RunSummary,
    Tried,
    certify,
    doubt_flats,
    findings,
    headline,
    statements,
)
from nashpath.games.penalties import NoPenalty
from nashpath.run.assess.behaviour import CAP, QUICK, SMALL, behaviour, centre_of, stationary_point
from nashpath.run.assess.bounds import evidence_at
from nashpath.run.assess.changes import try_changes
from nashpath.run.assess.diagnose_averages import look_at_averages
from nashpath.run.assess.diagnose_gap import look_at_gap
from nashpath.run.assess.diagnose_play import continue_training, look_at_samples, plane_picture, still_grows
from nashpath.run.assess.diagnose_point import BATCHES, Arrays, Notice, look_at_point, magnitudes, parameter_count
from nashpath.run.assess.diagnose_steps import compare_steps, reconcile_steps
from nashpath.run.assess.playing import displaced, play_on
from nashpath.run.engine.device import with_threads
from nashpath.run.engine.interrupt import uninterrupted
from nashpath.run.engine.sampler import draw, to_float64
from nashpath.run.engine.step import TrainState, Trial, outcome, with_numbers_of
from nashpath.run.errors import SettingError, UndiagnosedError, kept_if_unwritten
from nashpath.run.folder.arrays import read_arrays
from nashpath.run.folder.checkpoint import restore_members
from nashpath.run.folder.run_folder import RunFolder, made_by
from nashpath.run.observe.snapshot import has_samples

FOUND, ARRAYS = "diagnosis.json", "diagnosis.npz"
PRECISE = 20_000
"""Up to this many parameters all is computed in float64; beyond, the time counts for more than the digits."""
SECONDS = 45.0
"""Seconds that the eigenvalues of networks may take, and best responses, where nobody says how many."""
DRAWN_ROUNDS = 400
"""Rounds that are played for the figure alone."""
SAMPLED = ("modes", "places", "reached", "spread")
REPORTED = ("rates", "sharpness", "margins", "vanishing", "logit", "growing", "moves", "exploitability", *SAMPLED)
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

    def __repr__(self) -> str:
        """The headline and the sentences, a line each."""
        said, quality = headline(self.summary)
        told = [f"member {self.member} at step {self.step:,}: {said} ({quality})", *self.sentences]
        return "\n  - ".join(told)

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
        said, quality = headline(self.summary)
        told = {"headline": said, "quality": quality, "point": self.summary.kind, "play": self.summary.play.motion}
        return {**where, **told, **parts, "numbers": self.numbers}


def diagnose(
    run: str | Path,
    members: Sequence[int] | None = None,
    quick: bool = False,
    progress: Notice | None = None,
    data_path: str | Path | None = None,
    seconds: float = SECONDS,
) -> list[Diagnosis]:
    """Diagnoses members (default: all) of a run at its last checkpoint, and writes ``diagnosis.json`` into its folder.

    ``quick`` leaves the eigenvalues of networks out, plays toys on for less long, and tries no changes of the play and
    no best responses;
    ``progress`` is told what is being done; ``data_path`` says where the run's data are now. What would take more than
    so many ``seconds`` (the eigenvalues of networks; best responses) is left out, which is said.

    What the figures of the report need is in ``diagnosis.npz``, as ``m<member>.<name>``. Raises `SettingError` or
    `CheckpointError` where the folder holds no run, no such member or no checkpoint, `OSError` at once where it
    cannot be written, and an `UnwrittenError` that holds what was found where that fails at the end (a full disk). What
    the diagnosis of one member raises loses no other's: those are written, and an `UndiagnosedError` that holds them
    names it; where no member could be diagnosed, the first one's error is raised as it is.
    """
    folder = Path(run)
    if members is not None and not members:
        raise SettingError("no member to diagnose")
    for name in (ARRAYS, FOUND) if RunFolder(folder).exists() else ():
        check_replaceable(folder / name)
    if not seconds >= 0 or (quick and seconds != SECONDS):
        raise SettingError(
            f"seconds={seconds:g}: how long eigenvalues, and best responses, may take; quick leaves both out"
        )
    with uninterrupted():
        import_module(IMPORTED_BY_GRADIENTS)
    restored = restore_members(folder, members, data_path=Path(data_path) if data_path else None)
    found: list[Diagnosis] = []
    failed: dict[int, Exception] = {}
    with with_threads(restored[0][0].settings.threads):
        for m, trial, train_state in restored:
            try:
                frames = _frames(folder, m.index)
                found.append(diagnose_member(m.index, trial, train_state, frames, quick, progress, seconds=seconds))
            except Exception as error:  # whatever a game of one's own may raise: the other members are diagnosed
                failed[m.index] = error
    if failed and not found:
        raise next(iter(failed.values()))
    store = RunFolder(folder)
    arrays = {f"m{one.member}.{name}": array for one in found for name, array in one.arrays.items()}
    with kept_if_unwritten(found), made_by("the same nashpath diagnose again"):
        store.write_arrays(ARRAYS, arrays)
        store.write_json(FOUND, {"members": [one.as_json() for one in found]})
    if failed:
        raise UndiagnosedError(failed, found)
    return found


@contextmanager
def _products_as_torch() -> Iterator[None]:
    """NumPy's and SciPy's products on as many threads as PyTorch's: left alone they take all cores, and wait there."""
    with threadpool_limits(torch.get_num_threads(), user_api="blas"):
        yield


@_products_as_torch()
def diagnose_member(
    member: int,
    trial: Trial,
    train_state: TrainState,
    frames: Frames | None = None,
    quick: bool = False,
    progress: Notice | None = None,
    advise: bool = True,
    seconds: float = SECONDS,
) -> Diagnosis:
    """The verdict on one trial at its training state; neither is changed. Without ``advise`` nothing else is tried.

    Eigenvalues of networks, and best responses, are asked where they take less than so many ``seconds``.
    """
    said = progress or (lambda _: None)
    annealed = copy.deepcopy(trial) if trial.annealing and train_state.steps < trial.annealing.steps else None
    trial, step = with_numbers_of(copy.deepcopy(trial), train_state.steps), int(train_state.steps)
    if annealed is not None:
        annealed.solver.settled(train_state.memory)
    train_state = train_state._replace(memory=trial.solver.settled(train_state.memory))
    solver = trial.solver.unwrapped(train_state.memory)[0].label()
    summary = RunSummary("undecided", PointEvidence(), outcome=outcome(trial, train_state), solver=solver)
    summary.penalised = not isinstance(getattr(trial.game, "penalty", NoPenalty()), NoPenalty)
    arrays = look_at_samples(trial, train_state, summary) if has_samples(trial) else {}
    if frames and has_samples(trial):
        summary.growing = still_grows(
            *frames, trial.game.data.centres if isinstance(trial.game.data, HasModes) else None
        )
    if parameter_count(train_state.point) <= PRECISE:
        trial, train_state = to_float64(trial), to_float64(train_state)
        annealed = annealed and to_float64(annealed)
    average = trial.game.on_average()
    problem = FunctionalGame(average)
    if summary.outcome.startswith("diverged"):
        batches = draw(trial.game, Key(0, "curvature"), BATCHES)
        return Diagnosis(member, step, summary, {}, arrays | magnitudes(problem, train_state.point, batches))
    said("the point")
    budget = 0.0 if quick else seconds
    near, numbers, seen = look_at_point(average, problem, train_state.point, summary, said, budget, trial.solver)
    arrays |= seen
    if summary.evidence.finite:
        arrays |= compare_steps(trial, train_state.memory, near, summary, _stationary(trial, near, summary))
        said("playing on")
        arrays |= _look_at_play(
            trial, train_state, near, summary, QUICK if quick else CAP, advise and not quick, annealed
        )
        if advise and not quick:
            look_at_gap(average, problem, train_state.point, summary, said, seconds, trial.solver.within)
        responses = seconds if advise and not quick else None
        look_at_averages(trial, train_state, average, near, summary, said, QUICK if quick else CAP, responses)
    summary.kind = certify(summary.evidence)
    return Diagnosis(member, step, summary, numbers | _numbers(summary), arrays)


def _stationary(trial: Trial, near: Linearised, summary: RunSummary) -> Linearised | None:
    """The game at the stationary point that statements about steps belong to; None where none is known."""
    if summary.evidence.stationary:
        return near
    if near.size > SMALL:
        return None
    centre, _ = stationary_point(trial.game, near, summary.evidence)
    return None if centre is None else near.at(centre - near.vector)


def _goal(trial: Trial, near: Linearised, summary: RunSummary, way: Tensor | None) -> Kind | None:
    """What the stationary point is on which play closes in from elsewhere; None where there is none, or noise."""
    evidence = summary.evidence
    beside = summary.play.centre in ("another point of rest", "the point of rest at a bound")
    if summary.play.motion != "closes in" or evidence.stationary or evidence.noisy:
        return None
    goal = way[-1] if beside and way is not None else centre_of(trial, near, evidence)[0]
    if goal is None:
        return None
    return certify(evidence_at(trial.solver, near, goal))


def _look_at_play(
    trial: Trial,
    train_state: TrainState,
    near: Linearised,
    summary: RunSummary,
    cap: int,
    advise: bool,
    annealed: Trial | None = None,
) -> Arrays:
    """Fills in what play does here, and what changes of it would do; returns the way's picture."""
    if near.size > SMALL:
        summary.play, summary.moves, way = continue_training(trial, train_state)
        return way
    summary.play, way = behaviour(trial, train_state, near, summary.evidence, cap, annealed)
    if summary.play.motion == "leaves":
        doubt_flats(near, summary.evidence)
    reconcile_steps(summary)
    summary.goal = _goal(trial, near, summary, way)
    if advise and summary.play.motion in ("goes round", "spirals out", "leaves"):
        summary.tried = [Tried(*each) for each in try_changes(trial, train_state, near, summary, cap)]
    if way is None:  # for the figure: a stretch of play, though the round's own multipliers said it
        way = play_on(trial, displaced(train_state, near) if summary.evidence.stationary else train_state)(DRAWN_ROUNDS)
    return plane_picture(way)


def _numbers(summary: RunSummary) -> dict[str, Any]:
    evidence = summary.evidence
    plain = {k: v for k, v in vars(evidence).items() if not isinstance(v, tuple | complex | np.ndarray | dict)}
    players = {who: vars(own) for who, own in evidence.players.items()}
    play = {**vars(summary.play), "rounds": summary.play.rounds, "a_turn": summary.play.a_turn}
    tried = [{"change": one.change, **vars(one.found)} for one in summary.tried]
    told = {name: getattr(summary, name) for name in REPORTED}
    found = {**plain, "players": players, "play": play, "tried": tried, **told}
    return found if summary.averages is None else {**found, "averages": _of_averages(summary.averages)}


def _of_averages(seen: Averages) -> dict[str, Any]:
    players = {who: vars(own) for who, own in seen.evidence.players.items()} if seen.kind is not None else {}
    told = {name: value for name, value in vars(seen).items() if name != "evidence"}
    return {**told, "of": players, "at_rest": seen.at_rest, "nearer": seen.nearer}


def _frames(folder: Path, member: int) -> Frames | None:
    """The saved samples of a member, halfway and last; None where they were not saved."""
    store, digits = RunFolder(folder), "step-*.npz"
    files = [file for file in sorted((folder / "samples").glob(digits)) if file.stem[5:].isdecimal()]
    steps = [int(file.stem.removeprefix("step-")) for file in files]
    if len(files) < 3:
        return None
    half = min(range(1, len(files) - 1), key=lambda i: abs(steps[i] - steps[-1] / 2))
    found = []
    for file in (files[half], files[-1]):
        fault = store.digests.fault(f"samples/{file.name}")
        arrays, wrong = ({}, [fault]) if fault else read_arrays(file)
        if wrong:
            store.warn(f"{file}: {'; '.join(wrong)}; the diagnosis does without these samples")
        if f"m{member}" not in arrays:
            return None
        found.append(arrays[f"m{member}"])
    if found[0].shape != found[1].shape or not found[0].size:
        store.warn(f"{folder / 'samples'}: the samples of member {member} differ in shape; the diagnosis does without")
        return None
    return found[0], found[1]
