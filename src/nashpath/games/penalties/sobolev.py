"""The constraint of Sobolev GAN: mean squared slopes."""

import torch
from torch import Tensor

from nashpath.core import NonNegative
from nashpath.games.penalties.augmented_lagrangian import AugmentedLagrangian
from nashpath.games.penalties.base import Critic, slopes, squared_norms


class Sobolev(AugmentedLagrangian):
    """Holds the mean squared slope of the critic at 1 by a multiplier that learns: with ``wasserstein``, Sobolev GAN.

    ::

        λ (Ω − 1) + ½ weight (Ω − 1)²,   Ω = ½ E_p ‖∇d‖² + ½ E_q ‖∇d‖²,   λ ← λ + weight (Ω − 1)

    The measure under which slopes are averaged is ½ (p + q). On a line, ``E_p d − E_q d`` at the best critic is the
    root of ``∫ (F_p − F_q)² / (½ (p + q))`` with the distribution functions F, and λ half of it. λ is state and starts
    at 0. ``weight`` is ρ; what suits depends on the scale of the data.

    Reference: Mroueh et al. 2018 (Sobolev GAN), Algorithm 1, with ½ (p + q) as its dominant measure.
    """

    needs_input_gradient = True

    def __init__(self, weight: NonNegative = 1e-5):
        super().__init__(weight)

    def size(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        square = squared_norms(slopes(critic, torch.cat([real, fake])))
        return 0.5 * square[: len(real)].mean() + 0.5 * square[len(real) :].mean()
