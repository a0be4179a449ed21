"""Norms of the game's field."""

import torch

from nashpath.core import Batch, Count, FunctionalGame, Point
from nashpath.core import tree as trees
from nashpath.diagnostics.base import Diagnostic, Readings, mean_field


class FieldNorm(Diagnostic):
    """Norm of the game's field, by player and together, and its Hamiltonian.

    ::

        ξ(θ) = (∇_D J_D, ∇_G J_G),   field_norm = ‖ξ‖,   hamiltonian = ½ ‖ξ‖²

    ``draws`` batches are averaged first. Readings: ``field_norm``, ``field_norm.<player>``, ``hamiltonian``, scalars.

    Reference: Balduzzi et al. 2018, "The Mechanics of n-Player Differentiable Games", Sec. 2.
    """

    readings = ("field_norm", "hamiltonian")

    def __init__(self, draws: Count = 1):
        self.draws = draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        found = mean_field(problem, point, batches, self.draws)
        norms = {f"field_norm.{who}": trees.norm(own) for who, own in found.items()}
        square = torch.stack([n.square() for n in norms.values()]).sum()
        return {**norms, "field_norm": square.sqrt(), "hamiltonian": 0.5 * square}
