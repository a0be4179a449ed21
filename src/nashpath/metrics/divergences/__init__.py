"""Divergences between the data p and the model q: from known densities, and from samples alone.

With densities: `from_densities` (Monte Carlo, with standard errors) and `by_quadrature` (one or two dimensions). With
samples: `from_samples`. The names are the rows of `DIVERGENCES`.
"""

from nashpath.metrics.divergences.base import DensityDivergence, Estimate
from nashpath.metrics.divergences.f_divergences import JS, KL, ChiSquared, Hellinger, ReverseKL, TotalVariation
from nashpath.metrics.divergences.knn_kl import NeighbourKL
from nashpath.metrics.divergences.measure import (
    DIVERGENCES,
    OF_DENSITIES,
    OF_SAMPLES,
    by_quadrature,
    from_densities,
    from_samples,
)
from nashpath.metrics.divergences.mmd import MaximumMeanDiscrepancy
from nashpath.metrics.divergences.wasserstein import WassersteinDistance, exact_wasserstein

__all__ = [
    "DIVERGENCES",
    "JS",
    "KL",
    "OF_DENSITIES",
    "OF_SAMPLES",
    "ChiSquared",
    "DensityDivergence",
    "Estimate",
    "Hellinger",
    "MaximumMeanDiscrepancy",
    "NeighbourKL",
    "ReverseKL",
    "TotalVariation",
    "WassersteinDistance",
    "by_quadrature",
    "exact_wasserstein",
    "from_densities",
    "from_samples",
]
