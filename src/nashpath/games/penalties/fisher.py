"""The constraint of Fisher GAN: second moments."""

from torch import Tensor

from nashpath.core import NonNegative
from nashpath.games.penalties.augmented_lagrangian import AugmentedLagrangian
from nashpath.games.penalties.base import Critic


class Fisher(AugmentedLagrangian):
    """Holds the critic's second moment at 1 by a multiplier that learns: with ``wasserstein``, Fisher GAN.

    ::

        λ (Ω − 1) + ½ weight (Ω − 1)²,   Ω = ½ E_p d² + ½ E_q d²,   λ ← λ + weight (Ω − 1)

    No slope is taken, so batch normalisation is allowed. At the best critic, ``E_p d − E_q d`` is the square root of
    ``Σ (p − q)² / (½ (p + q))``, a chi-squared distance, and λ half of it. λ is state and starts at 0. ``weight`` is ρ;
    the authors' 10⁻⁶ is for images and many thousand steps.

    Reference: Mroueh and Sercu 2017, Eq. 9 and Algorithm 1; tomsercu/FisherGAN ``main.py``.
    """

    def __init__(self, weight: NonNegative = 1e-6):
        super().__init__(weight)

    def size(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * critic(real).square().mean() + 0.5 * critic(fake).square().mean()
