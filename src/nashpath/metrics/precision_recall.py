"""Quality and variety apart: what FID mixes."""

from typing import ClassVar

import torch

from nashpath.core.numbers import Count
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.checked import pair
from nashpath.metrics.neighbourhoods import inside_each_other, reach


class PrecisionRecall(Metric):
    """Share of fakes that lie among the reals, and of reals that lie among the fakes.

    A point lies among a set if it is within a member's distance to that member's ``neighbours``-th nearest other.
    ``precision`` falls when samples are bad, ``recall`` when they lack variety. Block by block: memory grows with the
    number of samples, not with its square.

    Raises `TooFewSamplesError` (no more samples than neighbours), `NotFiniteError`, `ShapeError`.

    Reference: Kynkäänniemi, Karras, Laine, Lehtinen & Aila 2019, "Improved Precision and Recall Metric for Assessing
    Generative Models", section 3.
    """

    bias: ClassVar[str] = "both depend on the numbers of samples; one outlier has a large ball"

    def __init__(self, neighbours: Count = 3):
        self.neighbours = neighbours

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"precision": share of fakes, "recall": share of reals}``."""
        x, y = pair(real.features, fake.features, least=self.neighbours + 1)
        balls = reach(real, self.neighbours, "real"), reach(fake, self.neighbours, "fake").to(x.device)
        recall, precision = inside_each_other(x, y, *balls)
        return {"precision": float(precision.double().mean()), "recall": float(recall.double().mean())}
