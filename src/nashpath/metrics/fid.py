"""The Fréchet distance, the number everyone reports."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from nashpath.core.source import Source
from nashpath.metrics.base import Metric, Sample, few_for_covariance
from nashpath.metrics.moments import frechet


class FID(Metric):
    """Fréchet distance of two Gaussians fitted to features.

    ``‖μ₁ - μ₂‖² + tr(Σ₁ + Σ₂ - 2 (Σ₁Σ₂)^½)`` with unbiased covariances, in squared units of the features; 0 is best.
    Exact for any rank: with fewer samples than dimensions the samples stand in for their covariance.

    Raises `TooFewSamplesError` (fewer than two), `NotFiniteError`, `ShapeError`.

    Reference: Heusel, Ramsauer, Unterthiner, Nessler & Hochreiter 2017, "GANs Trained by a Two Time-Scale Update Rule
    Converge to a Local Nash Equilibrium", section 4.
    """

    bias: ClassVar[str] = "biased upward, more so with fewer samples"
    better: ClassVar[Mapping[str, int]] = {"fid": -1}
    signed = False
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "fid": "Fréchet distance between Gaussians fitted to features of real and generated samples, in "
        "squared units of the features",
    }

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return len(source.shape) == 3

    def caveat(self, real: Sample, fake: Sample) -> str:
        return few_for_covariance(self.bias, real, fake)

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"fid": distance}``."""
        return {"fid": frechet(real.moments, fake.moments)}
