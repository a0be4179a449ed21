"""The sliced Wasserstein distance: an optimal transport that only needs sorting."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Key
from nashpath.core.hyperparameters import Count
from nashpath.core.math.transport import cost_on_lines
from nashpath.core.source import Source
from nashpath.metrics.base import GLANCED, Metric, Sample
from nashpath.metrics.errors import validate_pair
from nashpath.metrics.scale import in_units, restored


class SlicedWasserstein(Metric):
    """Wasserstein distance averaged over random directions of feature space.

    ``(mean over directions θ of W_p(θ·real, θ·fake)^p)^(1/p)`` with ``p`` = power and ``projections`` directions.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`.

    Reference: Bonneel, Rabin, Peyré & Pfister 2015, "Sliced and Radon Wasserstein Barycenters of Measures".
    """

    bias: ClassVar[str] = "biased upward, more so with fewer samples"
    better: ClassVar[Mapping[str, int]] = {"sliced_wasserstein": -1}

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return len(source.shape) == 1

    @classmethod
    def glance(cls, fake: Tensor, source: Source, key: Key) -> dict[str, float]:
        found = fake[:GLANCED]
        real = source.draw(key.stream("real"), len(found))["real"].to(fake.device)
        return {"sliced_wasserstein": sliced_wasserstein(real, found, key.generator(), projections=32)}

    def __init__(self, projections: Count = 128, power: Count = 2):
        self.projections = projections
        self.power = power

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"sliced_wasserstein": distance}``."""
        value = sliced_wasserstein(real.features, fake.features, rng, self.projections, self.power)
        return {"sliced_wasserstein": value}


def sliced_wasserstein(
    real: Tensor, fake: Tensor, rng: torch.Generator, projections: int = 128, power: int = 2
) -> float:
    """The distance between two samples, averaged over random directions.

    ``(mean over directions θ of W_p(θ·real, θ·fake)^p)^(1/p)`` with directions uniform on the sphere, ``p`` = power.
    ``real [n, ...]``, ``fake [m, ...]``; in the samples' units. Exact in one dimension. The same generator state gives
    the same directions on every device.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`.

    Reference: Bonneel, Rabin, Peyré & Pfister 2015, "Sliced and Radon Wasserstein Barycenters of Measures".
    """
    (x, y), exponent = in_units(*validate_pair(real, fake))
    directions = torch.randn(x.shape[1], projections, generator=rng, device=rng.device, dtype=torch.double)
    directions = (directions / directions.norm(dim=0)).to(x.device)
    cost = cost_on_lines(directions.mT @ x.double().mT, directions.mT @ y.double().mT, power).mean()
    return restored(float(cost) ** (1 / power), exponent, "the sliced Wasserstein distance")
