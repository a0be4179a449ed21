"""f-divergences between densities, from samples of both: one class each."""

import torch
from torch import Tensor

from nashpath.core.math.f_divergences import hellinger_term, js_term, total_variation_term
from nashpath.metrics.divergences.base import DensityDivergence


class _Symmetric(DensityDivergence):
    def on_q(self, d: Tensor) -> Tensor:
        return self.on_p(-d)


class ChiSquared(DensityDivergence):
    """Pearson's χ² divergence, ``∫ (p − q)²/q``; infinite where q misses mass of p.

    ``χ² = E_p [e^d − 1]``, whose terms have one power of the ratio less than those of ``E_q (e^d − 1)²``. Its variance
    is infinite, and the standard error too small, where the tails of q are much thinner than those of p.

    Reference: Tsybakov 2009, "Introduction to Nonparametric Estimation", Sec. 2.4.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return torch.expm1(d)


class Hellinger(_Symmetric):
    """Squared Hellinger distance, ``∫ (√p − √q)²``, between 0 and 2.

    ``2 − 2 ∫ √(pq) = E_p [1 − e^(−d/2)] + E_q [1 − e^(d/2)]``.

    Reference: Tsybakov 2009, "Introduction to Nonparametric Estimation", Sec. 2.4.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return hellinger_term(d)


class JS(_Symmetric):
    """Jensen-Shannon divergence in nats, between 0 and log 2.

    ``JS = ½ KL(p‖m) + ½ KL(q‖m)`` with ``m = (p + q)/2``, which is
    ``½ E_p [log 2 − softplus(−d)] + ½ E_q [log 2 − softplus(d)]``: no term exceeds ½ log 2.

    Reference: Lin 1991, "Divergence Measures Based on the Shannon Entropy"; Goodfellow et al. 2014, Theorem 1.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return js_term(d) / 2


class KL(DensityDivergence):
    """Kullback-Leibler divergence of the data p from the model q, in nats; infinite where q misses mass of p.

    ``KL(p‖q) = E_p d`` with ``d = log p − log q``.

    Reference: Kullback & Leibler 1951, "On Information and Sufficiency".
    """

    def on_p(self, d: Tensor) -> Tensor:
        return d


class ReverseKL(DensityDivergence):
    """Kullback-Leibler divergence of the model q from the data p, in nats; infinite where p misses mass of q.

    ``KL(q‖p) = −E_q d`` with ``d = log p − log q``.

    Reference: Kullback & Leibler 1951, "On Information and Sufficiency"; Nowozin, Cseke & Tomioka 2016, "f-GAN",
    Table 1.
    """

    def on_q(self, d: Tensor) -> Tensor:
        return -d


class TotalVariation(_Symmetric):
    """Total variation distance, between 0 and 1: half the L₁ distance of the densities.

    ``TV = E_p (1 − e^−d)₊ = E_q (1 − e^d)₊``; the estimate is the mean of the two, whose terms lie in [0, 1]. The best
    discriminator is right with probability ``(1 + TV)/2``.

    Reference: Tsybakov 2009, "Introduction to Nonparametric Estimation", Sec. 2.4.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return total_variation_term(d)
