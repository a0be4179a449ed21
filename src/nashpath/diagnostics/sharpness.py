"""Sharpness: each player's largest curvature, in units of its rule's step."""

from collections.abc import Mapping

import torch
from torch import Tensor

from nashpath.core import Batch, Count, FunctionalGame, Point
from nashpath.diagnostics.base import Diagnostic, Readings
from nashpath.diagnostics.eigenvalues import largest_scaled
from nashpath.diagnostics.linearised import Linearised


class Sharpness(Diagnostic):
    """Each player's largest own curvature, multiplied by its step: beyond 2, plain descent jumps across the valley.

    ::

        sharpness_i = λ_max(P^½ ∇²_ii J_i P^½),   P = diag(step)

    ``steps`` holds a step for each player: the learning rate of plain descent, or a vector (flat, one entry a
    parameter), such as Adam's ``learning_rate / (sqrt(v) + epsilon)``; by default 1. Heavy balls and moments move the
    limit from 2 to ``2 (1 + β)`` and ``2 (1 + β) / (1 − β)``. Readings: ``sharpness.<player>``, scalars.

    Reference: Cohen et al. 2021, "Gradient Descent on Neural Networks Typically Occurs at the Edge of Stability",
    Sec. 2 and App. B; Cohen et al. 2022, "Adaptive Gradient Methods at the Edge of Stability", Sec. 2.
    """

    stackable = False
    readings = ("sharpness",)

    def __init__(self, steps: Mapping[str, float | Tensor] | None = None, draws: Count = 1):
        self.steps, self.draws = steps or {}, draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        found = sharpness_of(Linearised(problem, point, batches, self.draws, tolerance=1e-2), self.steps)
        return {f"sharpness.{who}": torch.tensor(value) for who, value in found.items()}


def sharpness_of(near: Linearised, steps: Mapping[str, float | Tensor]) -> dict[str, float]:
    """`Sharpness` of a linearised game (whose own rates play no part), by player."""
    found = {}
    for who in near.sizes:
        own = near.vector[near.block(who)]
        step = torch.as_tensor(steps.get(who, 1.0)).to(own).expand_as(own)
        found[who] = largest_scaled(near, who, step.sqrt())
    return found
