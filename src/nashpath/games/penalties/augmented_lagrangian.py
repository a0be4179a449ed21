"""A constraint on the critic as an equality, held by a multiplier that learns."""

import torch
from torch import Tensor

from nashpath.core import Batch, NonNegative
from nashpath.games.penalties.base import Critic, Penalty


class AugmentedLagrangian(Penalty):
    """Holds a mean over the batch, Ω, at 1: ``λ (Ω − 1) + ½ weight (Ω − 1)²`` with ``λ ← λ + weight (Ω − 1)``.

    λ starts at 0, is state, and learns in the discriminator's turn, after the cost, from the Ω of that cost. Subclasses
    define Ω. Here weight is at once the curvature and the multiplier's learning rate, as in the authors' algorithms.
    """

    learns = True
    multiplier: Tensor

    def __init__(self, weight: NonNegative):
        super().__init__(weight=weight)
        self.register_buffer("multiplier", torch.zeros(()))

    def size(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """Ω, a scalar."""
        raise NotImplementedError

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        above = self.size(critic, real, fake) - 1
        price = self.multiplier * above + 0.5 * self.weight * above.square()
        self.multiplier = self.multiplier + self.weight * above.detach()
        return price
