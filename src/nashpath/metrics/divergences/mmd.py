"""The kernel two-sample distance with a Gaussian kernel."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Count, NonNegative
from nashpath.core.math.distances import middle
from nashpath.core.math.mmd import gaussian_mmd
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import MetricError, validate_pair
from nashpath.metrics.scale import check_spread, in_units, restored

FAR = 1e5
"""At so many bandwidths distances are summed to within 1e-5 of a squared bandwidth in float64."""


class MaximumMeanDiscrepancy(Metric):
    """Squared maximum mean discrepancy under a Gaussian kernel, unbiased.

    ``E k(x, x') + E k(y, y') − 2 E k(x, y)`` with ``k(a, b) = exp(−‖a − b‖² / (2 bandwidth²))`` over pairs of distinct
    samples: ``mmd`` (the square; it may be slightly negative), its standard error ``mmd_error``, and ``mmd_bandwidth``.
    ``bandwidth`` 0 takes the median distance between distinct points among both samples together (the first
    ``most / 2`` of each); numbers of different bandwidths are different distances, so fix it to compare.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError` (fewer than two).

    Reference: Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012, "A Kernel Two-Sample Test", Lemma 6 and Sec. 8 (the
    median heuristic).
    """

    bias: ClassVar[str] = "unbiased at a fixed bandwidth"
    better: ClassVar[Mapping[str, int]] = {"mmd": -1}
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "mmd": (-2.0, 2.0),
        "mmd_error": (0.0, math.inf),
        "mmd_bandwidth": (0.0, math.inf),
    }
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "mmd": "squared maximum mean discrepancy of features (of vectors: the vectors themselves) under a Gaussian "
        "kernel: 0 for equal distributions",
        "mmd_error": "standard error of it",
        "mmd_bandwidth": "width of the kernel, in units of the features",
    }

    def __init__(self, bandwidth: NonNegative = 0.0, most: Count = 2000):
        self.bandwidth, self.most = bandwidth, most

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"mmd": squared distance, "mmd_error": its standard error, "mmd_bandwidth": the kernel's}``."""
        parts, exponent = in_units(*validate_pair(real.features, fake.features, least=self.least))
        x, y = (part.double() for part in parts)
        both = torch.cat([x, y])
        check_spread([x, y], middle(both))
        half = max(1, self.most // 2)
        fixed = restored(self.bandwidth, -exponent, "the bandwidth, relative to the samples,")
        bandwidth = fixed or median_distance(torch.cat([x[:half], y[:half]]))
        far = (both - middle(both)).abs().amax(1) > FAR * bandwidth
        if far.any():
            raise MetricError(
                f"{int(far.sum())} of {len(both)} rows of samples are more than {FAR:.0e} bandwidths from the middle "
                "of all, and take the digits of the others' distances; leave them out or clip them, or raise bandwidth"
            )
        if bandwidth**2 < torch.finfo(torch.float64).tiny:
            raise MetricError(f"a bandwidth of {self.bandwidth:.2g} is too small for samples of 2^{exponent}; raise it")
        squared, error = gaussian_mmd(x, y, bandwidth)
        bandwidth = self.bandwidth or restored(bandwidth, exponent, "the bandwidth")
        return {"mmd": float(squared), "mmd_error": float(error), "mmd_bandwidth": bandwidth}


def median_distance(points: Tensor) -> float:
    """The median Euclidean distance between distinct points of ``points [n, d]``; 1 where all of them coincide."""
    distances = torch.pdist(points)
    apart = distances[distances > 0]
    return float(apart.median()) if len(apart) else 1.0
