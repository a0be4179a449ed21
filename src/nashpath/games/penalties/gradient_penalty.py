"""The penalty of WGAN-GP, on the segments between real and generated samples."""

from torch import Tensor

from nashpath.core import NonNegative
from nashpath.games.penalties.base import Interpolated, norms


class GradientPenalty(Interpolated):
    """Pulls ‖∇d‖ to 1 between real and generated samples: WGAN-GP; on the non-saturating game it makes GAN-GP.

    ::

        weight · E (‖∇d(x̂)‖₂ − 1)²,   x̂ = α x + (1 − α) x̃,   α ~ U[0, 1] once per sample

    ``weight`` is λ: 10 for images; the authors use 0.1 for points in the plane.

    Reference: Gulrajani et al. 2017, Algorithm 1; igul222/improved_wgan_training ``gan_toy.py``; Fedus et al. 2017,
    Sec. 2.3, for the same penalty on the non-saturating game.
    """

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def price(self, slope: Tensor) -> Tensor:
        return (norms(slope) - 1).square()
