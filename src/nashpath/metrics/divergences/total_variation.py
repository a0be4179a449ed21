"""The total variation distance: how often the best test tells a sample's origin."""

import torch
from torch import Tensor

from nashpath.metrics.divergences.base import DensityDivergence


class TotalVariation(DensityDivergence):
    """Total variation distance, between 0 and 1: half the L₁ distance of the densities.

    ``TV = E_p (1 − e^−d)₊ = E_q (1 − e^d)₊``; the estimate is the mean of the two, whose terms lie in [0, 1]. The best
    discriminator is right with probability ``(1 + TV)/2``.

    Reference: Tsybakov 2009, "Introduction to Nonparametric Estimation", Sec. 2.4.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return -torch.expm1(-d.clamp_min(0)) / 2

    def on_q(self, d: Tensor) -> Tensor:
        return -torch.expm1(d.clamp_max(0)) / 2
