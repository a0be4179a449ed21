"""The Kullback-Leibler divergence from two samples alone, by how near the nearest neighbours are."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Count
from nashpath.core.math.distances import middle, nearest_neighbours
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import NotFiniteError, TooFewSamplesError, validate_pair
from nashpath.metrics.scale import check_spread, in_units


class NeighbourKL(Metric):
    """Kullback-Leibler divergences both ways from samples alone, by k-th nearest neighbours, in nats.

    ::

        KL(p‖q) ≈ d/n Σ_i log(ν_i / ρ_i) + log(m / (n − 1))

    for x ~ p, n of them, and y ~ q, m of them, in d dimensions; ρ_i is the distance of x_i to its k-th nearest other x,
    ν_i to its k-th nearest y; k = ``neighbours``. ``knn_kl`` has the real samples as p, ``knn_reverse_kl`` the fake
    ones. Consistent where both have densities, but far too small where samples of p lie beyond those of q: of N(½, 4 I)
    from N(0, I) in three dimensions it finds 1.08 of 2.80 nats in 3,000 samples. May be negative.

    Raises `ShapeError`, `TooFewSamplesError` (k or fewer), and `NotFiniteError`, also where a sample has k copies in
    its own or in the other sample: then there is no density to speak of.

    Reference: Wang, Kulkarni & Verdú 2009, "Divergence Estimation for Multidimensional Densities Via k-Nearest-Neighbor
    Distances", Eq. 5.
    """

    bias: ClassVar[str] = "biased towards 0, more so with fewer samples and more dimensions"

    def __init__(self, neighbours: Count = 5):
        self.neighbours = neighbours

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"knn_kl": KL(real‖fake), "knn_reverse_kl": KL(fake‖real)}``."""
        (x, y), _ = in_units(*validate_pair(real.features, fake.features, least=self.neighbours + 1))
        check_spread([x, y], middle(torch.cat([x, y])))
        return {"knn_kl": neighbour_kl(x, y, self.neighbours), "knn_reverse_kl": neighbour_kl(y, x, self.neighbours)}


def neighbour_kl(x: Tensor, y: Tensor, neighbours: int = 5) -> float:
    """The estimate of ``KL(p‖q)`` from x ~ p, [n, d], and y ~ q, [m, d]."""
    n, m = len(x), len(y)
    if min(n - 1, m) < neighbours:
        raise TooFewSamplesError(f"{n} and {m} samples; {neighbours} neighbours need at least {neighbours + 1}")
    own, other = nearest_neighbours(x, x, neighbours + 1)[0][:, -1], nearest_neighbours(x, y, neighbours)[0][:, -1]
    copies = int(((own == 0) | (other == 0)).sum())
    if copies:
        raise NotFiniteError(
            f"{copies} of {n} samples have {neighbours} copies or more, so there is no density there: samples are "
            "alike, or copied from the data"
        )
    return float(x.shape[1] * (other / own).log().mean()) + math.log(m / (n - 1))
