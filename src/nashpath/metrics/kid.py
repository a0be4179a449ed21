"""The kernel distance: unbiased, so it may be compared where FID may not."""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Count
from nashpath.core.math.mmd import mmd_error, unbiased_mmd
from nashpath.core.source import Source
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import validate_pair
from nashpath.metrics.scale import check_finite


class KID(Metric):
    """Squared maximum mean discrepancy of features under a polynomial kernel.

    ``k(x, y) = (x·y / d + 1)^degree``, all pairs of distinct samples (unbiased; may be slightly negative). The usual
    average over random subsets estimates the same number with more noise. ``kid_error`` is the standard error from the
    two samples' first-order influence, ``(4 Var h(x) / n + 4 Var h(y) / m)^½``; too large, by
    up to a factor √2, when the distributions agree (then the neglected order is all there is, and counts twice). It is
    no less than the rounding of the kernel's values, 2e-16 of them: of features below 1e-8 nothing else is left.

    Raises `TooFewSamplesError` (fewer than two), `NotFiniteError`, `ShapeError`, and `MetricError` where powers of the
    features leave float64.

    Reference: Bińkowski, Sutherland, Arbel & Gretton 2018, "Demystifying MMD GANs", section 4.
    """

    bias: ClassVar[str] = "unbiased"
    better: ClassVar[Mapping[str, int]] = {"kid": -1}
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"kid_error": (0.0, math.inf)}
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "kid": "squared maximum mean discrepancy of features under a polynomial kernel: 0 for equal distributions",
        "kid_error": "standard error of KID",
    }

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return len(source.shape) == 3

    def __init__(self, degree: Count = 3):
        self.degree = degree

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"kid": squared MMD, "kid_error": its standard error}``."""
        x, y = validate_pair(real.features, fake.features, least=self.least)
        own = [self._among(sample, part) / (len(part) - 1) for sample, part in ((real, x), (fake, y))]
        within, across = (own[0], own[1]), (self._row_sums(x, y) / len(y), self._row_sums(y, x) / len(x))
        rounding = torch.finfo(torch.double).eps * float(across[0].abs().max())
        error = max(rounding, float(mmd_error(within, across)))
        found = {"kid": float(unbiased_mmd(within, across[0])), "kid_error": error}
        return check_finite(found, x, y)

    def _among(self, sample: Sample, features: Tensor) -> Tensor:
        """``Σ_{j ≠ i} k(xᵢ, xⱼ)`` within a sample, ``[n]``: of the same real ones computed once."""
        return sample.once(
            f"kernel-{self.degree}", lambda: {"sums": self._row_sums(features, features, distinct=True)}
        )["sums"]

    def _row_sums(self, x: Tensor, y: Tensor, distinct: bool = False, block: int = 4096) -> Tensor:
        """``Σ_j k(xᵢ, yⱼ)``, without ``j = i`` where they must be distinct: ``[n]``."""
        total = torch.zeros(len(x), dtype=torch.double, device=x.device)
        for at, a in zip(torch.arange(len(x)).split(block), x.split(block)):
            for b in y.split(block):
                total[at] += (a.double() @ b.double().T / x.shape[1] + 1).pow(self.degree).sum(1)
        if distinct:
            total -= (x.double().square().sum(1) / x.shape[1] + 1).pow(self.degree)
        return total
