"""Diagnostics during training: readings at the members' present points, in the rows of costs and gradient norms."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from nashpath.core import Batch, FunctionalGame, Key, Point, Tree, pick, tree_map
from nashpath.diagnostics import Diagnostic, DualityGap, NotConvergedError, Readings
from nashpath.run.engine.program import Program, spent, stack
from nashpath.run.engine.step import NOT_DIVERGED, hold, numbers_at
from nashpath.run.settings.members import Member
from nashpath.solvers import Solver


def diagnostic_rows(
    members: Sequence[Member], program: Program, diagnostics: Sequence[Diagnostic]
) -> list[dict[str, Any]]:
    """One row of readings for each member that still moves; none where no diagnostic is asked for."""
    if not diagnostics:
        return []
    seeds = [member.seed for member in members]
    found, steps = [], program.steps()
    for i, (member, readings) in enumerate(zip(members, watch(program, seeds, diagnostics))):
        if readings:
            where = {"step": program.taken, "member": member.index, **spent(program, steps[i])}
            found.append({**where, **readings})
    return found


@torch.no_grad()
def watch(program: Program, seeds: Sequence[int], diagnostics: Sequence[Diagnostic]) -> list[dict[str, float]]:
    """The readings of every member, as numbers; none of a member that has left the finite numbers.

    The batches follow from a member's seed and the steps taken, and are no part of its training draws: a run that is
    watched computes the same as one that is not.
    """
    most = max(diagnostic.draws for diagnostic in diagnostics)
    looks = []
    for trial, seed in zip(program.trials, seeds):
        key = Key(seed, "diagnostics", program.device, program.taken)
        looks.append(trial.game.draw(key, (most,)))
    found: list[dict[str, float]] = [{} for _ in looks]
    for diagnostic in diagnostics:
        batches = [tree_map(lambda v, few=diagnostic.draws: v[:few], look) for look in looks]
        for own, readings in zip(found, _ask(diagnostic, program, batches)):
            own |= as_numbers(readings)
    return [own if int(program.train_state(i).diverged_player) == NOT_DIVERGED else {} for i, own in enumerate(found)]


def _ask(diagnostic: Diagnostic, program: Program, batches: list[Batch]) -> list[Readings]:
    """One diagnostic's readings of every member: stacked where both program and diagnostic can be, else in turn."""
    problem = FunctionalGame(program.trials[0].game.on_average())
    states = [program.train_state(i) for i in range(len(batches))]
    points = [state.point for state in states]
    numbers = [numbers_at(trial, state.steps) for trial, state in zip(program.trials, states)]
    games = [own["game"] for own in numbers]

    def look(point: Point, numbers: dict[str, Tensor], batch: Batch) -> Readings:
        return diagnostic(problem.with_hyperparameters(numbers), point, batch)

    if program.mode == "stacked" and diagnostic.stackable:
        together = vmap(look)(stack(points), stack(games), stack(batches))
        return [pick(together, i) for i in range(len(batches))]
    found = []
    for trial, own, *given in zip(program.trials, numbers, points, games, batches):
        if isinstance(diagnostic, DualityGap):
            diagnostic.within = _held(trial.solver, own["solver"]).within
        found.append(_guarded(look, *given))
    return found


def _held(solver: Solver, numbers: Tree) -> Solver:
    """A copy of the solver with these numbers, whose constraints are those of the step."""
    solver = copy.deepcopy(solver)
    hold(solver, numbers)
    return solver


def _guarded(look: Any, *given: Any) -> Readings:
    """No readings where there is no number to tell: training goes on."""
    try:
        return look(*given)
    except (NotConvergedError, np.linalg.LinAlgError):
        return {}


def as_numbers(readings: Readings) -> dict[str, float]:
    """Scalars by their names; of a vector its first entry, of a complex number the real and the imaginary part."""
    numbers = {}
    for name, value in readings.items():
        first = value.reshape(-1)[0]
        if first.is_complex():
            numbers |= {f"{name}.real": float(first.real), f"{name}.imag": float(first.imag)}
        else:
            numbers[name] = float(first)
    return numbers
