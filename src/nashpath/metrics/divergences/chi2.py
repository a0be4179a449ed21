"""Pearson's χ²: the divergence that counts a missed mode most of all."""

import torch
from torch import Tensor

from nashpath.metrics.divergences.base import DensityDivergence


class ChiSquared(DensityDivergence):
    """Pearson's χ² divergence, ``∫ (p − q)²/q``; infinite where q misses mass of p.

    ``χ² = E_p [e^d − 1]``, whose terms have one power of the ratio less than those of ``E_q (e^d − 1)²``. Its variance
    is infinite, and the standard error too small, where the tails of q are much thinner than those of p.

    Reference: Tsybakov 2009, "Introduction to Nonparametric Estimation", Sec. 2.4.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return torch.expm1(d)
