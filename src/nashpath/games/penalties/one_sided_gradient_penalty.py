"""The Lipschitz bound as an inequality: only slopes above 1 pay."""

from torch import Tensor
from torch.nn.functional import relu

from nashpath.core import NonNegative
from nashpath.games.penalties.base import Interpolated, norms


class OneSidedGradientPenalty(Interpolated):
    """Pulls ‖∇d‖ below 1 between real and generated samples, and lets smaller slopes be: one-sided WGAN-GP, WGAN-LP.

    ::

        weight · E max(0, ‖∇d(x̂)‖₂ − 1)²,   x̂ = α x + (1 − α) x̃,   α ~ U[0, 1] once per sample

    Reference: Petzka et al. 2018, Sec. 5; Gulrajani et al. 2017, Sec. 4 (two-sided against one-sided).
    """

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def price(self, slope: Tensor) -> Tensor:
        return relu(norms(slope) - 1).square()
