"""The exact Wasserstein distance between two samples."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Count
from nashpath.core.math.transport import wasserstein
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import MetricError, TooManySamplesError, validate_pair
from nashpath.metrics.scale import in_units, restored


class WassersteinDistance(Metric):
    """Exact Wasserstein distance between two samples, by linear programming.

    ``W_p = min over couplings (E ‖x − y‖^p)^(1/p)`` with ``p`` = power, in the samples' units: ``wasserstein1`` or
    ``wasserstein2``. In one dimension by sorting, elsewhere by POT's network simplex, in memory of all pairs. Two
    samples of one distribution in d dimensions are about ``n^(−1/d)`` apart, so in many dimensions it says more about n
    than about the distributions.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`, `TooManySamplesError` (more than ``most`` in either
    sample, in two dimensions or more), and `MetricError` if the simplex gives up.

    Reference: Peyré & Cuturi 2019, "Computational Optimal Transport", Sec. 2.6 and 3.5.
    """

    bias: ClassVar[str] = "biased upward, much more so with fewer samples and more dimensions"
    better: ClassVar[Mapping[str, int]] = {"wasserstein1": -1, "wasserstein2": -1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "wasserstein1": "mean distance that features of samples must be moved to become those of real ones, in units "
        "of the features (of vectors: the vectors themselves)",
        "wasserstein2": "root of the mean squared distance that features of samples must be moved to become those of "
        "real ones, in units of the features (of vectors: the vectors themselves)",
    }

    def __init__(self, power: Count = 1, most: Count = 5000):
        self.power, self.most = power, most

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"wasserstein1": distance}``, numbered by the power."""
        value = exact_wasserstein(real.features, fake.features, self.power, self.most)
        return {f"wasserstein{self.power}": value}


def exact_wasserstein(real: Tensor, fake: Tensor, power: int = 1, most: int = 5000) -> float:
    """The exact ``W_p``, p = power, between ``real [n, ...]`` and ``fake [m, ...]``; as `WassersteinDistance`."""
    (x, y), exponent = in_units(*validate_pair(real, fake))
    if x.shape[1] > 1 and max(len(x), len(y)) > most:
        raise TooManySamplesError(
            f"{len(x)} real and {len(y)} fake samples: exact transport holds all pairs, and takes {most} of each at "
            "most; give fewer, raise most, or use sliced_wasserstein"
        )
    try:
        return restored(wasserstein(x, y, power), exponent, "the Wasserstein distance")
    except ArithmeticError as error:
        raise MetricError(f"{error}; give fewer samples, or use sliced_wasserstein") from error
