"""Quality and variety apart: what FID mixes."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from nashpath.core.hyperparameters import Count
from nashpath.core.source import Source
from nashpath.metrics.balls import blocks, reach
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import validate_pair
from nashpath.metrics.grid import grid_of


class PrecisionRecall(Metric):
    """Share of fakes that lie among the reals, and of reals that lie among the fakes.

    A point lies among a set if it is within a member's distance to that member's ``neighbours``-th nearest other.
    ``precision`` falls when samples lie away from the reals, ``recall`` when they reach few of them; where one real has
    a large ball, samples of any kind may lie in it, so that a high precision alone does not say that they are good.
    Within includes the boundary (≤), as published; code with < finds less where many distances tie. Equal distances are
    equal, whatever their rounding. Block by block: memory grows with the number of samples, not with its square.

    Raises `TooFewSamplesError` (no more samples than neighbours), `NotFiniteError`, `ShapeError`.

    Reference: Kynkäänniemi, Karras, Laine, Lehtinen & Aila 2019, "Improved Precision and Recall Metric for Assessing
    Generative Models", section 3.
    """

    bias: ClassVar[str] = "both depend on the numbers of samples; one outlier has a large ball"
    better: ClassVar[Mapping[str, int]] = {"precision": 1, "recall": 1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "precision": "share of generated samples that lie among real ones",
        "recall": "share of real samples that lie among generated ones",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"precision", "recall"})

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return len(source.shape) in (1, 3)

    def __init__(self, neighbours: Count = 3):
        self.neighbours, self.least = neighbours, neighbours + 1

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"precision": share of fakes, "recall": share of reals}``."""
        x, y = validate_pair(real.features, fake.features, least=self.least)
        grid = grid_of(x, y)
        around_x, around_y = reach(real, x, self.neighbours, grid), reach(fake, y, self.neighbours, grid)
        recall, precision = (torch.zeros(len(part), dtype=torch.bool, device=x.device) for part in (x, y))
        for block in blocks(x, y, grid):
            precision[block.over] |= block.within(around_x[block.at, None], closed=True).any(0)
            recall[block.at] |= block.within(around_y[None, block.over], closed=True).any(1)
        return {"precision": float(precision.double().mean()), "recall": float(recall.double().mean())}
