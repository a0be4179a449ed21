"""The sliced Wasserstein distance: an optimal transport that only needs sorting."""

from collections.abc import Mapping
from typing import ClassVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from nashpath.core import Key
from nashpath.core.hyperparameters import Count
from nashpath.core.math.transport import cost_in_order, cost_on_lines, sorted_rows
from nashpath.core.source import Source
from nashpath.metrics.base import GLANCED, Metric, Sample
from nashpath.metrics.errors import validate_pair
from nashpath.metrics.scale import in_units, restored


class SlicedWasserstein(Metric):
    """Wasserstein distance of the samples as they are, averaged over random directions.

    Of images it is that of pixels, through training and after it; ``sliced_wasserstein@inception`` is that of features.
    ``(mean over directions θ of W_p(θ·real, θ·fake)^p)^(1/p)`` with ``p`` = power and ``projections`` directions.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`.

    Reference: Bonneel, Rabin, Peyré & Pfister 2015, "Sliced and Radon Wasserstein Barycenters of Measures".
    """

    space: ClassVar[str] = "pixels"
    bias: ClassVar[str] = "biased upward, more so with fewer samples"
    better: ClassVar[Mapping[str, int]] = {"sliced_wasserstein": -1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "sliced_wasserstein": "Wasserstein distance of real and generated samples, averaged over random directions, "
        "in units of the samples (of images: of their pixels)",
    }

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return len(source.shape) == 1

    @classmethod
    def glance(cls, fake: Tensor, source: Source, key: Key) -> dict[str, float]:
        found = fake[:GLANCED]
        real, directions, shadow = _real_side(source, key, len(found), fake.device)
        (x, y), exponent = in_units(*validate_pair(real, found))
        shadow = sorted_rows(directions.mT @ x.double().mT) if exponent else shadow
        cost = cost_in_order(shadow, sorted_rows(directions.mT @ y.double().mT), power=2).mean()
        return {"sliced_wasserstein": restored(float(cost) ** 0.5, exponent, "the sliced Wasserstein distance")}

    def __init__(self, projections: Count = 128, power: Count = 2):
        self.projections = projections
        self.power = power

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"sliced_wasserstein": distance}``."""
        value = sliced_wasserstein(real.features, fake.features, rng, self.projections, self.power)
        return {"sliced_wasserstein": value}


_REAL: WeakKeyDictionary[Source, dict[tuple[object, ...], tuple[Tensor, Tensor, Tensor]]] = WeakKeyDictionary()


def _real_side(source: Source, key: Key, count: int, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Real samples, directions and the projections of the one on the other, in order: of the last key, made once."""
    wish = (*key.words[:2].tolist(), count, device)
    try:
        kept = _REAL.setdefault(source, {})
    except TypeError:  # a source of one's own that no weak reference, or no hash, is had of
        kept = {}
    if wish not in kept:
        kept.clear()
        real = source.draw(key.stream("real"), count)["real"].to(device)
        directions = _directions(real.flatten(1).shape[1], 32, key.generator()).to(device)
        kept[wish] = real, directions, sorted_rows(directions.mT @ real.flatten(1).double().mT)
    return kept[wish]


def _directions(width: int, count: int, rng: torch.Generator) -> Tensor:
    """Directions uniform on the sphere, the columns of a float64 [width, count]."""
    found = torch.randn(width, count, generator=rng, device=rng.device, dtype=torch.double)
    return found / found.norm(dim=0)


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
    directions = _directions(x.shape[1], projections, rng).to(x.device)
    cost = cost_on_lines(directions.mT @ x.double().mT, directions.mT @ y.double().mT, power).mean()
    return restored(float(cost) ** (1 / power), exponent, "the sliced Wasserstein distance")
