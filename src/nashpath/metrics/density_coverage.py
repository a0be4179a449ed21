"""Quality and variety apart, robust to outliers among the fakes and among the reals."""

from collections.abc import Mapping
from typing import ClassVar

import torch

from nashpath.core.hyperparameters import Count
from nashpath.core.source import Source
from nashpath.metrics.balls import are_points, blocks, copies, reach
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import validate_pair, validate_samples
from nashpath.metrics.grid import grid_of


class DensityCoverage(Metric):
    """Density of real samples around generated ones, and the share of reals with a generated one nearby.

    With open balls around reals up to their ``neighbours``-th (k-th) nearest other: ``density`` is the mean number of
    balls that a fake is in, over k (about 1 for equal distributions, and not bounded by it); ``coverage`` the share of
    balls that hold a fake. Equal distances are equal, whatever their rounding.

    A real with k equal others or more has a ball of radius 0, which would be empty: it holds the fakes that are equal
    to it, and counts k / m times where m reals are equal, as if these lay apart by a little. So equal sets of repeated
    rows (tables of categories) have coverage 1 and density 1.

    Raises `TooFewSamplesError` (no more samples than neighbours), `NotFiniteError`, `ShapeError`.

    Reference: Naeem, Oh, Uh, Choi & Yoo 2020, "Reliable Fidelity and Diversity Metrics for Generative Models",
    section 3 (their code has no such case: there both are 0).
    """

    bias: ClassVar[str] = "coverage rises with the number of fakes"
    better: ClassVar[Mapping[str, int]] = {"density": 1, "coverage": 1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "density": "generated samples in the balls of real ones, over what real samples would get: 1 for a perfect "
        "generator, may exceed it",
        "coverage": "share of real samples whose ball holds a generated one",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"coverage"})

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return len(source.shape) in (1, 3)

    def __init__(self, neighbours: Count = 5):
        self.neighbours, self.least = neighbours, neighbours + 1

    def tops(self, real: Sample) -> Mapping[str, float]:
        return {"density": len(real) / self.neighbours}

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"density": mean count over k, "coverage": share of reals}``."""
        validate_samples(real.features, "real", least=self.least)
        x, y = validate_pair(real.features, fake.features)
        grid = grid_of(x, y)
        around = reach(real, x, self.neighbours, grid)
        points = are_points(x, around, grid)
        held = torch.zeros(len(x), dtype=torch.double, device=x.device)
        for block in blocks(x, y, grid):
            balls, alike = around[block.at, None], points[block.at, None]
            inside = block.within(balls, closed=False) & ~alike
            if alike.any():
                inside |= block.within(balls, closed=True) & alike
            held[block.at] += inside.sum(1)
        covered = held > 0
        held[points] *= self.neighbours / copies(x[points], around[points], grid)
        return {
            "density": float(held.sum()) / len(y) / self.neighbours,
            "coverage": float(covered.double().mean()),
        }
