"""Whether what holds a play binds on its way: constraints, bounds on gradients, ways back from a divergence."""

import copy

from torch import Tensor

from nashpath.diagnostics.behaviour import ARRIVED, within_numbers
from nashpath.run.assess.playing import play_on
from nashpath.run.engine.step import TrainState, Trial
from nashpath.solvers import Solver, UpdateRule

CHUNK = 50
"""Rounds between two looks."""
APART = 1e-9
"""Two plays differ by more than this share of ``1 + ‖θ‖``."""


def binds(trial: Trial, train_state: TrainState, centre: Tensor | None, cap: int) -> bool:
    """Whether play from here goes elsewhere than the same play that nothing holds, on the same batches.

    ::

        ‖θ_n − φ_n‖ > 1e-9 (1 + ‖φ_n‖)   for some n ≤ cap,

    with φ the play without constraints, by rules that see whole gradients. Once φ lies within `ARRIVED` of its first
    distance from the ``centre``, or is not finite any more, nothing further is asked. Where no solver and no rule is
    around another, nothing is played. A picture of φ, such as the multipliers of a round, tells of θ only where not.
    """
    inner, memory = trial.solver.unwrapped(train_state.memory)
    free = _unlimited(inner)
    if free is trial.solver:
        return False
    held, loose = play_on(trial, train_state), play_on(Trial(trial.game, free), train_state._replace(memory=memory))
    begun = 0
    while begun < cap:
        way, other = held(CHUNK), loose(CHUNK)
        sound = int(within_numbers(other).cumprod(0).sum())
        if len(way) < sound:
            return True
        off, size = (way[begun:sound] - other[begun:sound]).norm(dim=1), 1 + other[begun:sound].norm(dim=1)
        if bool((~(off <= APART * size)).any()):
            return True
        if sound < len(other) or (centre is not None and _arrived(other, centre)):
            return False
        begun += CHUNK
    return False


def _arrived(way: Tensor, centre: Tensor) -> bool:
    off = (way - centre).norm(dim=1)
    return bool(off[-CHUNK // 2 :].max() <= ARRIVED * off[0])


def _unlimited(solver: Solver) -> Solver:
    """A solver whose rules see whole gradients; itself where they all do."""
    parts = [part for part in solver.modules() if isinstance(part, Solver)]
    rules = [rule for part in parts for rule in part.rules.values() if isinstance(rule, UpdateRule)]
    if all(rule.unlimited() is rule for rule in rules):
        return solver
    twin = copy.deepcopy(solver)
    for part in [part for part in twin.modules() if isinstance(part, Solver)]:
        for who, rule in part.rules.items():
            part.rules[who] = rule.unlimited() if isinstance(rule, UpdateRule) else rule
    return twin
