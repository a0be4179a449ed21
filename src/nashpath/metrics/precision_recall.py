"""Quality and variety apart: what FID mixes."""

from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Count
from nashpath.core.math.distances import nearest_neighbours, squared_blocks
from nashpath.core.source import Source
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import validate_pair, validate_samples


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

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return len(source.shape) in (1, 3)

    def __init__(self, neighbours: Count = 3):
        self.neighbours = neighbours

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"precision": share of fakes, "recall": share of reals}``."""
        x, y = validate_pair(real.features, fake.features, least=self.neighbours + 1)
        balls = reach(real, self.neighbours, "real"), reach(fake, self.neighbours, "fake").to(x.device)
        recall, precision = inside_each_other(x, y, *balls)
        return {"precision": float(precision.double().mean()), "recall": float(recall.double().mean())}


def radii(features: Tensor, neighbours: int, name: str) -> Tensor:
    """Distance of each of ``features [n, d]`` to its k-th nearest other one, ``[n]``; needs k + 1 samples."""
    x = validate_samples(features, name, least=neighbours + 1)
    return nearest_neighbours(x, x, neighbours + 1)[0][:, -1]


def reach(sample: Sample, neighbours: int, name: str) -> Tensor:
    """The `radii` of a sample's features, made once."""
    made = sample.once(f"radii-{neighbours}", lambda: {"radii": radii(sample.features, neighbours, name)})
    return made["radii"]


def inside_each_other(x: Tensor, y: Tensor, reach_x: Tensor, reach_y: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each of ``x [n, d]`` is in any closed ball around ``y [m, d]``, and each of y in any around x."""
    in_y = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    in_x = torch.zeros(len(y), dtype=torch.bool, device=x.device)
    for at, over, squared in squared_blocks(x, y):
        distance = squared.sqrt_()
        in_y[at] |= (distance <= reach_y[over]).any(1)
        in_x[over] |= (distance <= reach_x[at, None]).any(0)
    return in_y, in_x


def counts(points: Tensor, centres: Tensor, reach: Tensor) -> Tensor:
    """Number of open balls that each of ``points`` is in, ``[n]``."""
    found = torch.zeros(len(points), dtype=torch.long, device=points.device)
    for at, over, squared in squared_blocks(points, centres):
        found[at] += (squared.sqrt_() < reach[over]).sum(1)
    return found
