"""The squared Hellinger distance: bounded, and estimated with a finite variance always."""

import torch
from torch import Tensor

from nashpath.metrics.divergences.base import DensityDivergence


class Hellinger(DensityDivergence):
    """Squared Hellinger distance, ``∫ (√p − √q)²``, between 0 and 2.

    ``2 − 2 ∫ √(pq) = E_p [1 − e^(−d/2)] + E_q [1 − e^(d/2)]``.

    Reference: Tsybakov 2009, "Introduction to Nonparametric Estimation", Sec. 2.4.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return -torch.expm1(-d / 2)

    def on_q(self, d: Tensor) -> Tensor:
        return -torch.expm1(d / 2)
