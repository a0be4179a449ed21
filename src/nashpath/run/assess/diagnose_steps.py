"""How the steps of the present rules compare with the largest that contract."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Game, Point, Problem, Tree
from nashpath.diagnostics import ROUNDS, Linearised, RunSummary, sharpness_of, smallest_damping, stable_steps
from nashpath.diagnostics.eigenvalues import DENSE, NotConvergedError
from nashpath.games import GAN
from nashpath.games.penalties import R1, Sum
from nashpath.networks import mixes_batch
from nashpath.run.assess.diagnose_point import Arrays, as_pairs
from nashpath.run.engine.step import Trial
from nashpath.solvers import (
    SGD,
    Adam,
    Alternating,
    Extragradient,
    Momentum,
    RMSProp,
    Scheduled,
    Simultaneous,
    UpdateRule,
)
from nashpath.solvers.averaged import WeightAveraging
from nashpath.solvers.clipped import Clipped

Stepped = tuple[Tree | None, Tensor]
"""A rule's step for each parameter (None: the learning rate), and the largest curvature times step that contracts."""


def _adam(rule: Any, memory: Any) -> Stepped:
    sizes = (memory["second"][k].sqrt() / (1 - rule.b2 ** memory["count"]).sqrt() for k in memory["second"])
    steps = {k: 1 / (size + rule.epsilon) for k, size in zip(memory["second"], sizes)}
    return steps, 2 * (1 + rule.b1) / (1 - rule.b1)


def _rmsprop(rule: Any, memory: Any) -> Stepped:
    return {k: 1 / (v.sqrt() + rule.epsilon) for k, v in memory.items()}, torch.tensor(2.0)


STEPS: dict[type[UpdateRule], Callable[[Any, Any], Stepped]] = {
    SGD: lambda rule, memory: (None, torch.tensor(2.0)),
    Momentum: lambda rule, memory: (None, 2 * (1 + rule.momentum)),
    Adam: _adam,
    RMSProp: _rmsprop,
}
"""Each rule's step where its second moments stay as they are; other rules have none that is known."""

PLAYED: dict[type, tuple[str, float]] = {
    Simultaneous: ("simultaneous", 1.0),
    Alternating: ("alternating", 1.0),
    Extragradient: ("extragradient", 0.5),
}
"""The name of a solver's round, and its share of plain descent's largest step where nothing rotates."""


def compare_steps(trial: Trial, memory: Any, near: Linearised, summary: RunSummary) -> Arrays:
    """Fills in rates, sharpness and, where every rule is plain descent, margins.

    Returns the spectrum, then in units of the learning rates, and the multipliers of one round of each solver.
    """
    solver, memory = _inner(trial.solver, memory)
    plain = {"spectrum": as_pairs(np.asarray(summary.evidence.spectrum))}
    if type(solver) not in PLAYED:
        return plain
    name, share = PLAYED[type(solver)]
    rules = {who: _plain(solver.rule(who), memory[who]) for who in near.problem.players}
    summary.rates = {who: float(rate) for who, (_, rate, _) in rules.items()}
    summary.adaptive = any(isinstance(rule, Adam | RMSProp) for rule, _, _ in rules.values())
    summary.sharpness = _sharpness(rules, near, share)
    if near.size > DENSE or any(type(rule) is not SGD for rule, _, _ in rules.values()):
        return plain
    scaled = Linearised(near.problem, near.point, near.batches, near.draws, summary.rates)
    summary.margins = stable_steps(scaled)
    summary.r1 = _damping(trial.game, scaled, name) if getattr(solver, "discriminator_steps", 1) == 1 else None
    blocks = [near.block(who) for who in near.sizes]
    rounds = {f"rounds.{k}": np.linalg.eigvals(turn(scaled.matrix, blocks)) for k, turn in ROUNDS.items()}
    return {k: as_pairs(v) for k, v in {"spectrum": np.linalg.eigvals(scaled.matrix), **rounds}.items()}


def _inner(solver: Any, memory: Any) -> tuple[Any, Any]:
    """The solver that moves the players, below averages and constraints."""
    while isinstance(solver, WeightAveraging | Clipped):
        memory = memory["solver"] if isinstance(solver, WeightAveraging) else memory
        solver = solver.solver
    return solver, memory


def _plain(rule: UpdateRule, memory: Any) -> tuple[UpdateRule, Tensor, Any]:
    """A rule below its schedule, its present learning rate, and its memory."""
    rate = rule.rate(memory)
    while isinstance(rule, Scheduled):
        rule, memory = rule.rule, memory["rule"]
    return rule, rate, memory


def _sharpness(rules: dict[str, tuple[UpdateRule, Tensor, Any]], near: Linearised, share: float) -> dict[str, float]:
    """Each player's curvature times step, over the largest at which its rule contracts; nothing where not known."""
    steps, limits = {}, {}
    for who, (rule, rate, memory) in rules.items():
        if type(rule) not in STEPS or float(rate) == 0 or (share < 1 and type(rule) is not SGD):
            return {}
        each, limit = STEPS[type(rule)](rule, memory)
        limits[who] = share * float(limit)
        steps[who] = rate * (torch.ones_like(near.vector[near.block(who)]) if each is None else _flat(each))
        if limits[who] <= 0 or not torch.isfinite(steps[who]).all():
            return {}
    try:
        return {who: value / limits[who] for who, value in sharpness_of(near, steps).items()}
    except NotConvergedError:
        return {}


def _flat(tree: Tree) -> Tensor:
    return torch.cat([v.reshape(-1) for v in tree.values()])


def _damping(game: Game, near: Linearised, solver: str) -> float | None:
    """The smallest weight of R1 that, added to the game, lets this play close in; J is linear in it."""
    if not isinstance(game, GAN) or mixes_batch(game.discriminator):
        return None
    with_r1 = copy.deepcopy(game)
    with_r1.penalty = Sum(with_r1.penalty, R1(1.0).to(near.vector))
    batches = {**near.batches, "penalty": {"0": near.batches["penalty"], "1": {}}}
    rates = {who: float(near.rates[near.block(who)][0]) for who in near.sizes}
    point = Point(near.point.players, near.point.state)
    try:
        damped = Linearised(Problem(with_r1), point, batches, near.draws, rates)
        added = damped.matrix - near.matrix
    except (RuntimeError, ValueError):  # a critic whose slope at a sample cannot be taken
        return None
    return smallest_damping(solver, near.matrix, added, [near.block(who) for who in near.sizes])
