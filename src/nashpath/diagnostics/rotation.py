"""The share of rotation in the game's Jacobian."""

import torch

from nashpath.core import Batch, Count, FunctionalGame, Point, Whole, generator
from nashpath.diagnostics.base import Diagnostic, Readings
from nashpath.diagnostics.eigenvalues import DENSE
from nashpath.diagnostics.linearised import Linearised


class Rotation(Diagnostic):
    """Share of the Jacobian that is antisymmetric: 0 for pure descent, 1 for pure rotation.

    ::

        S = (J + Jᵀ)/2,   A = (J − Jᵀ)/2,   rotation = ‖A‖² / (‖S‖² + ‖A‖²)   (Frobenius)

    Exact for up to 256 parameters; beyond, Hutchinson's estimate from ``probes`` random signs. Reading: ``rotation``.

    Reference: Balduzzi et al. 2018, "The Mechanics of n-Player Differentiable Games", Lemma 1 (potential and
    Hamiltonian parts).
    """

    stackable = False
    readings = ("rotation",)

    def __init__(self, probes: Count = 16, seed: Whole = 0, draws: Count = 1):
        self.probes, self.seed, self.draws = probes, seed, draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        return {"rotation": rotation_share(Linearised(problem, point, batches, self.draws), self.probes, self.seed)}


def rotation_share(near: Linearised, probes: int = 16, seed: int = 0) -> torch.Tensor:
    """``‖A‖² / (‖S‖² + ‖A‖²)`` of a linearised game; NaN where J is zero."""
    if near.size <= DENSE:
        matrix = torch.from_numpy(near.matrix)
        pairs = [(matrix, matrix.T)]
    else:
        rng = generator(seed, near.vector.device)
        signs = 2.0 * torch.randint(2, (probes, near.size), generator=rng, device=rng.device) - 1
        pairs = [(near.product(v), near.transposed(v)) for v in signs.to(near.vector)]
    turning = torch.stack([(a - b).square().sum() for a, b in pairs]).sum()
    return turning / (turning + torch.stack([(a + b).square().sum() for a, b in pairs]).sum())
