"""FID without its bias: extrapolated to infinitely many fakes."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor

from nashpath.core.hyperparameters import Count
from nashpath.metrics.base import Metric, Sample, few_for_covariance
from nashpath.metrics.errors import validate_samples
from nashpath.metrics.moments import Moments, frechet, moments


class FIDInfinity(Metric):
    """FID extrapolated to infinitely many fake samples, with a 95 % interval.

    FID is nearly linear in 1/n. The fakes, in random order, are cut into 1, 2, 4, ... 2^halvings parts; a line through
    the mean FID of the parts of each size meets 1/n = 0 at FID∞. The interval is Student's, with the standard deviation
    of FID∞ over ``resamples`` bootstrap samples of the fakes; the reals are taken as given. Costs
    ``2^(halvings + 1) (resamples + 1)`` FIDs.

    Raises `TooFewSamplesError` (fewer than two fakes in the smallest part), `NotFiniteError`, `ShapeError`.

    Reference: Chong & Forsyth 2020, "Effectively Unbiased FID and Inception Score and where to find them", section 3
    (there random parts and quasi-random latents; disjoint parts use every sample at every size). The interval is ours.
    """

    bias: ClassVar[str] = "nearly unbiased in the number of fakes; biased in that of reals"
    better: ClassVar[Mapping[str, int]] = {"fid_infinity": -1}
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "fid_infinity": "FID continued to infinitely many generated samples",
        "fid_infinity_low": "lower end of its 95 % interval",
        "fid_infinity_high": "upper end of its 95 % interval",
    }

    def __init__(self, halvings: Count = 3, resamples: Annotated[int, Ge(2)] = 12):
        self.halvings = halvings
        self.resamples = resamples

    def caveat(self, real: Sample, fake: Sample) -> str:
        return few_for_covariance(self.bias, real, fake)

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"fid_infinity": intercept, "fid_infinity_low": ..., "fid_infinity_high": ...}``."""
        from scipy.special import stdtrit  # here, so that importing nashpath stays light

        y = validate_samples(fake.features, "fake", least=2 ** (self.halvings + 1))
        value = self._intercept(real.moments, y[torch.randperm(len(y), generator=rng, device=rng.device).to(y.device)])
        again = []
        for _ in range(self.resamples):
            drawn = torch.randint(len(y), (len(y),), generator=rng, device=rng.device)
            again.append(self._intercept(real.moments, y[drawn.to(y.device)]))
        half = float(stdtrit(self.resamples - 1, 0.975) * deviation(again))
        return {"fid_infinity": value, "fid_infinity_low": value - half, "fid_infinity_high": value + half}

    def _intercept(self, real: Moments, fake: Tensor) -> float:
        inverse, values = [], []
        for halving in range(self.halvings + 1):
            parts = fake.tensor_split(2**halving)
            inverse.append(len(parts) / len(fake))
            values.append(np.mean([frechet(real, moments(part)) for part in parts]))
        return float(np.polyfit(inverse, values, 1)[1])


def deviation(values: list[float]) -> float:
    """The unbiased standard deviation, in units in which squares of the values are finite."""
    size = float(np.abs(values).max())
    return size * float(np.std(np.asarray(values) / size, ddof=1)) if size else 0.0
