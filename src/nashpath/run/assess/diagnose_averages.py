"""The averages of weights that a run keeps, looked at as its raw weights are: point, gap, play."""

import torch

from nashpath.core import FunctionalGame, Game, Point, Tree
from nashpath.diagnostics import Averages, Linearised, RunSummary, certify
from nashpath.run.assess.behaviour import SMALL, centre_of
from nashpath.run.assess.bounds import evidence_at
from nashpath.run.assess.diagnose_gap import look_at_gap
from nashpath.run.assess.diagnose_point import Notice, look_at_point
from nashpath.run.assess.playing import play_on
from nashpath.run.engine.step import TrainState, Trial
from nashpath.solvers.averaged import WeightAveraging

EARLY, LATE = 1e6, 1e8
"""Steps between which the share of an average that does not forget falls tenfold at least."""


def look_at_averages(
    trial: Trial,
    train_state: TrainState,
    average: Game,
    near: Linearised,
    summary: RunSummary,
    progress: Notice,
    cap: int,
    seconds: float | None,
) -> None:
    """Fills in what is known of the averages that the run keeps; without any it does nothing.

    A toy is played on for ``cap`` rounds. ``average`` is the game as it is on average; best responses are asked where
    ``seconds`` says how long they may take.
    """
    kept = trial.solver.averages(train_state.memory)
    if not kept:
        return
    summary.averages = seen = Averages(tuple(who for who in near.sizes if who in kept))
    if set(kept) < set(near.sizes):
        return
    progress("the averages")
    problem, own = FunctionalGame(average), RunSummary("undecided", summary.evidence)
    state = {**train_state.point.state, **trial.solver.statistics(train_state.memory)}
    point = Point({who: kept[who] for who in near.sizes}, state)
    look_at_point(average, problem, point, own, progress, 0.0, trial.solver)
    seen.evidence, seen.kind = own.evidence, certify(own.evidence) if own.evidence.finite else "undecided"
    if seconds is not None and seen.evidence.finite:
        look_at_gap(average, problem, point, own, progress, seconds, trial.solver.within)
        seen.exploitability = own.exploitability
    if near.size <= SMALL and seen.evidence.finite:
        _play_on(trial, train_state, near, summary, seen, cap)


def _play_on(
    trial: Trial, train_state: TrainState, near: Linearised, summary: RunSummary, seen: Averages, cap: int
) -> None:
    """Fills in how far the averages are from what play goes round, over rounds that are played on."""
    centre, known = centre_of(trial, near, summary.evidence)
    seen.lasting = all(_lasts(one) for one in trial.solver.modules() if isinstance(one, WeightAveraging))
    if centre is None:
        return

    def averaged(now: TrainState) -> dict[str, Tree]:
        found = trial.solver.averages(now.memory)
        return {who: found[who] for who in near.sizes}

    away = (play_on(trial, train_state, averaged)(cap) - centre).double().norm(dim=1)
    if not bool(torch.isfinite(away).all()):
        return
    seen.goal = certify(evidence_at(trial.solver, near, centre))
    seen.centre, seen.rounds = known, len(away) - 1
    seen.distances = tuple(float(part.max()) for part in away.chunk(4))


def _lasts(average: WeightAveraging) -> bool:
    """Whether the share of a new iterate falls as the inverse of the number of steps, or faster."""
    early, late = (average.share(torch.tensor(count, dtype=torch.float64)) for count in (EARLY, LATE))
    return bool((late <= early / 10).all())
