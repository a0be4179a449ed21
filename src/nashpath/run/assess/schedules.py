"""The learning rates that play has still before it, where schedules or annealing change them."""

import copy
import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from nashpath.run.engine.step import TrainState, Trial, hold, hyperparameters_of
from nashpath.solvers import NormClipped, Scheduled, Solver, UpdateRule

HORIZON = 1e8
"""Rounds over which rates that never end are added up: more than any run takes."""
EXACT, GROWTH = 1000, 1.01
"""The next rounds, whose rates are added one by one; and how blocks of rounds beyond grow."""
SAME = 1e-9
"""Rates that differ by less than this share are one."""


def rates_after(trial: Trial, train_state: TrainState, rounds: Iterable[float], taken: dict[str, float]) -> np.ndarray:
    """The rate of each player so many rounds on, [rounds, players]; ``taken``: the steps of its own in a round."""
    solver, numbers = copy.deepcopy(trial.solver), hyperparameters_of(trial)
    inner, memory = solver.unwrapped(train_state.memory)
    period, found = inner.period, []
    for after in rounds:
        if trial.annealing is not None:
            hold(solver, trial.annealing.at(numbers, train_state.steps + after * period)["solver"])
        rules = {who: (inner.rule(who), inner.rule_memory(memory, who)) for who in train_state.point.players}
        found.append([float(rule.rate(_later(rule, kept, after * taken[who]))) for who, (rule, kept) in rules.items()])
    return np.array(found)


def changes_ahead(trial: Trial, train_state: TrainState) -> bool:
    """Whether some player's rate is ever another than it is now."""
    now, *later = rates_after(
        trial, train_state, [0.0, *2.0 ** np.arange(27)], dict.fromkeys(train_state.point.players, 1.0)
    )
    return any(bool((np.abs(rate - now) > SAME * now).any()) for rate in later)


def taken_between(trial: Trial, before: TrainState, after: TrainState, rounds: int) -> dict[str, float]:
    """How many steps of its own each player takes in a round, as its schedule counts them; 1 where it has none."""
    found = {}
    for who in before.point.players:
        counts = []
        for state in (before, after):
            inner, memory = trial.solver.unwrapped(state.memory)
            counts.append(_count(inner.rule(who), inner.rule_memory(memory, who)))
        found[who] = 1.0 if None in counts else (counts[1] - counts[0]) / rounds
    return found


def rates_left(trial: Trial, before: TrainState, after: TrainState, rounds: int) -> float:
    """All rates of a player after ``rounds`` that were played, over those of these: the larger of the players'."""
    taken = taken_between(trial, before, after, rounds)
    left, spent = _sums(trial, after, taken), _sums(trial, before, taken, rounds)
    shares = [float(more / done) if done > 0 else math.inf for more, done in zip(left, spent, strict=True) if more > 0]
    return max(shares, default=0.0)


def _sums(trial: Trial, train_state: TrainState, taken: dict[str, float], rounds: float = HORIZON) -> np.ndarray:
    """The sum of each player's rates over the next rounds, [players]: one by one, then block by block."""
    exact = int(min(EXACT, rounds))
    ends = [float(exact)]
    while ends[-1] < rounds:
        ends.append(min(rounds, ends[-1] * GROWTH))
    middles = [(a + b - 1) / 2 for a, b in pairwise(ends)]
    width = np.concatenate([np.ones(exact), np.diff(ends)])
    return width @ rates_after(trial, train_state, [*range(exact), *middles], taken)


def at_present_rates(solver: Solver, memory: Any) -> Solver:
    """The solver with every schedule held at where it is: its rule alone, at the present rate."""
    inner, kept = solver.unwrapped(memory)
    if not any(_count(inner.rule(who), inner.rule_memory(kept, who)) is not None for who in inner.rules):
        return solver
    held = copy.deepcopy(inner)
    for who in held.rules:
        held.rules[who] = _held(held.rule(who), inner.rule_memory(kept, who))
    return solver.around(held)


def _held(rule: UpdateRule, memory: Any) -> UpdateRule:
    if isinstance(rule, NormClipped):
        return type(rule)(_held(rule.rule, memory), float(rule.norm)).to(rule.norm)
    if not isinstance(rule, Scheduled):
        return rule
    inner = _held(rule.rule, memory["rule"])
    inner.learning_rate.mul_(rule.schedule(memory["count"]).to(inner.learning_rate))
    return inner


def _count(rule: UpdateRule, memory: Any) -> float | None:
    """How many steps a rule's schedule has counted; None where it has none."""
    if isinstance(rule, NormClipped):
        return _count(rule.rule, memory)
    return float(memory["count"]) if isinstance(rule, Scheduled) else None


def _later(rule: UpdateRule, memory: Any, steps: float) -> Any:
    """A rule's memory as it will be so many steps on, as far as its rate asks."""
    if isinstance(rule, NormClipped):
        return _later(rule.rule, memory, steps)
    if not isinstance(rule, Scheduled):
        return memory
    count: Tensor = memory["count"]
    return {"rule": _later(rule.rule, memory["rule"], steps), "count": (count.double() + steps).round()}
