"""Changes of the play that people would try: other orders of moves, lower rates, penalties; each played from here."""

import copy
import math
from collections.abc import Iterator
from typing import Any

from nashpath.core import FunctionalGame, Game, Key
from nashpath.diagnostics import Behaviour, Linearised, PlayerEvidence, PointEvidence, RunSummary
from nashpath.games import GAN
from nashpath.games.penalties import R1, Sum
from nashpath.networks import mixes_batch
from nashpath.run.assess.behaviour import QUICK, behaviour, centre_of
from nashpath.run.assess.playing import displaced, play_on
from nashpath.run.assess.schedules import at_present_rates
from nashpath.run.engine.sampler import draw
from nashpath.run.engine.step import TrainState, Trial, begin
from nashpath.solvers import Alternating, Extragradient, Solver


def changes_of(trial: Trial, train_state: TrainState) -> dict[str, Trial]:
    """Other orders of moves, lower rates and penalties, by name; all else of the trial is as it was.

    Constraints, averages and the way back from a divergence stay around the solver; schedules are held.
    """
    trial = Trial(trial.game, at_present_rates(trial.solver, train_state.memory))
    inner = trial.solver.unwrapped(begin(trial, train_state.point).memory)[0]
    rules: Any = {who: inner.rule(who) for who in train_state.point.players}
    changed: dict[str, Trial] = {}
    for kind in (Alternating, Extragradient):
        if not isinstance(inner, kind):
            other = trial.solver.around(kind(**copy.deepcopy(rules))).double()
            changed[f"{kind.label()} play at these rates"] = Trial(trial.game, other)
    slower = copy.deepcopy(trial.solver).double()
    for rate in slower.learning_rates().values():
        rate.mul_(0.1)
    if _bears(slower, trial.game):
        changed["a tenth of the rates"] = Trial(trial.game, slower)
    if isinstance(trial.game, GAN) and not mixes_batch(trial.game.discriminator):
        for weight in (0.1, 1.0, 10.0):
            damped = copy.deepcopy(trial.game)
            damped.penalty = Sum(damped.penalty, R1(weight).to(next(iter(damped.parameters()))))
            changed[f"R1 of weight {weight:g} added"] = Trial(damped, trial.solver)
    return changed


def _bears(solver: Solver, game: Game) -> bool:
    """Whether the solver can play the game at its rates: some refuse rates that are too low for them."""
    try:
        solver.check(FunctionalGame(game))
    except ValueError:
        return False
    return True


def try_changes(
    trial: Trial, train_state: TrainState, near: Linearised, summary: RunSummary, cap: int
) -> Iterator[tuple[str, Behaviour]]:
    """Changes of the play that people would try, each played from here: the name of the change, and what it did."""
    start = displaced(train_state, near) if summary.evidence.stationary else train_state
    for name, other in changes_of(trial, train_state).items():
        begun = begin(other, start.point)
        problem = FunctionalGame(other.game.on_average())
        there = Linearised(problem, start.point, draw(other.game, Key(0, "curvature"), 4), 4)
        away = {who: PlayerEvidence(distance=math.inf) for who in near.sizes}
        seen = PointEvidence(players=away, noisy=summary.evidence.noisy)
        found, way = behaviour(other, begun, there, seen, cap // 4)
        if way is None and found.motion == "closes in":
            found.why = _checked(other, begun, there, found)
        yield name, found


def _checked(trial: Trial, train_state: TrainState, near: Linearised, found: Behaviour) -> str:
    """What playing did of that which one round promises, over the rounds that it needs, at most `QUICK`."""
    centre = centre_of(trial, near, PointEvidence())[0]
    if centre is None:
        return ""
    rounds = int(min(QUICK, max(20, found.rounds)))
    way = play_on(trial, train_state)(rounds)
    left = float((way[-1] - centre).norm() / (way[0] - centre).norm())
    return f"in {rounds} rounds played from here its distance fell to {left:.2g} of what it was"
