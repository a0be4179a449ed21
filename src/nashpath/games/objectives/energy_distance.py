"""The energy distance of critic features: MMD with the distance itself for a kernel."""

import torch
from torch import Tensor

from nashpath.core import Count
from nashpath.games.objectives.mmd import MMDObjective


class EnergyDistance(MMDObjective):
    """Energy distance between critic features: the game of the Cramér GAN, corrected to be one.

    ::

        J_G = 2 E ‖h(x) − h(x̃)‖ − E ‖h(x) − h(x')‖ − E ‖h(x̃) − h(x̃')‖ = −J_D,   h the critic

    It is MMD² with the kernel ``−‖a − b‖``. ``features`` is the width of the critic's output. The estimate is unbiased
    (no sample is compared with itself), and so are its gradients, which those of W₁ between batches are not. A penalty
    prices the slope of ``E ‖h(x) − h(x̃')‖ − E ‖h(x) − h(x')‖`` in x, the function that tells p from q; it is not the
    critic of the Cramér GAN's Algorithm 1, ``f(x) = ‖h(x) − h(x̃')‖ − ‖h(x)‖``, with the origin in the place of x'. The
    authors' weight of ``wgan_gp`` is 10. Coinciding features have slope 0. Raises `ValueError` for batches of one.

    Reference: Székely and Rizzo 2013, Eq. 5; Bellemare et al. 2017 (Cramér GAN), Sec. 4 and Algorithm 1.
    """

    def __init__(self, features: Count = 16):
        super().__init__(features)

    def kernel(self, squared: Tensor) -> Tensor:
        same = squared == 0
        apart = torch.where(same, torch.ones_like(squared), squared).sqrt()
        return torch.where(same, torch.zeros_like(squared), -apart)
