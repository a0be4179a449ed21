"""The zero-centred penalty between real and generated samples."""

from torch import Tensor

from nashpath.core import NonNegative
from nashpath.games.penalties.base import Interpolated, squared_norms


class ZeroCentred(Interpolated):
    """Pulls ∇d to 0 between real and generated samples: 0-GP, which keeps the discriminator from memorising samples.

    ::

        weight · E ‖∇d(x̂)‖₂²,   x̂ = α x + (1 − α) x̃,   α ~ U[0, 1] once per sample

    There is no ½, unlike in R1 and R2.

    Reference: Thanh-Tung et al. 2019, Sec. 5; htt210/GeneralizationAndStabilityInGANs ``GradientPenaltiesGAN.py``
    (``center=0``, weight 10); LMescheder/GAN_stability ``gan_training/train.py`` (``wgangp0``).
    """

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def price(self, slope: Tensor) -> Tensor:
        return squared_norms(slope)
