"""Do generated rows lie nearer to real ones than other real ones do?"""

from collections.abc import Mapping
from typing import ClassVar

import torch

from nashpath.core.math.distances import middle, nearest_neighbours
from nashpath.core.source import Source
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.columns import table_of
from nashpath.metrics.distinct import distinct_of
from nashpath.metrics.errors import validate_pair, validate_samples
from nashpath.metrics.scale import check_spread, in_units, restored

ONE_IN = 40
"""One fresh row in so many may be too close to a half."""


def order_of(count: int) -> int:
    """Which of ``count`` distances, in their order, a row is too close below: the k-th, of fresh rows k / (count + 1).

    A fresh row's distance falls with equal chances between any two of them, or outside, as it is exchangeable with
    them. k is the largest with ``k / (count + 1) ≤ 1 / 40``, and 1 where there is none.

    Reference: Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World" (conformal prediction).
    """
    return max(1, (count + 1) // ONE_IN)


def fresh_share(count: int) -> float:
    """The share of fresh rows, at most, that are too close to one half or the other of ``count`` real rows."""
    halves = (count // 2, count - count // 2)
    return min(1.0, sum(order_of(half) / (half + 1) for half in halves))


class ClosestRecord(Metric):
    """Distance to the closest record: of generated rows, and of one half of the real rows to the other.

    The real rows are halved at random, into A and B. A generated row is too close where its distance to A is below the
    k-th of the distances of the rows of B to A (`order_of`: k is 2.5 % of many rows), or its distance to B below the
    k-th of those of A to B. Of fresh rows at most 5 % are, on average, of copies all; of fewer than 78 real rows more
    (`fresh_share`), which the protocol says. The real rows must be those trained on. Equal ones count once, unless they
    come again by chance, as categories do (`distinct`): then copies cannot be told from fresh rows, and none is one.

    Raises `TooFewSamplesError` (fewer than four real rows), `NotFiniteError`, `ShapeError`.

    Reference: Zhao, Kunar, Birke & Chen 2021, "CTAB-GAN: Effective Table Data Synthesizing", section 4 (distance to
    closest record); Platzer & Reutterer 2021, "Holdout-Based Empirical Assessment of Mixed-Type Synthetic Data"
    (against real rows held out).
    """

    bias: ClassVar[str] = "distances fall with the number of real rows"
    better: ClassVar[Mapping[str, int]] = {"too_close": -1}
    signed = False
    least = 4
    numbers: ClassVar[Mapping[str, str]] = {
        "closest": "mean distance of a generated row to the nearest row of one half of the real ones",
        "closest_real": "the same for the other half of the real ones",
        "too_close": "share of generated rows nearer to a real one than real ones are to each other: of fresh rows 5 % "
        "at most (more of fewer than 78 real ones), of copies all but in "
        "tables of categories",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"too_close"})
    of_training = True

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return table_of(source) is not None

    def caveat(self, real: Sample, fake: Sample) -> str:
        known = distinct_of(real)
        said, count = known.said(self.bias), len(known.kept)
        if count >= 2 * ONE_IN - 2:
            return said
        return f"{said}; of {count} real rows up to {100 * fresh_share(count):.2g} % of fresh ones are too close"

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"closest", "closest_real", "too_close"}``."""
        validate_samples(real.values, "real", least=self.least)
        known = validate_samples(real.values[distinct_of(real).kept], "real", least=self.least)
        (x, y), exponent = in_units(*validate_pair(known, fake.values))
        check_spread([x, y], middle(x))
        order = torch.randperm(len(x), generator=rng).to(x.device)
        halves = x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
        near, distances, among = torch.zeros(len(y), dtype=torch.bool, device=x.device), list[float](), list[float]()
        for near_to, other in (halves, halves[::-1]):
            theirs, ours = (nearest_neighbours(rows, near_to)[0][:, 0] for rows in (other, y))
            near |= ours < theirs.sort().values[order_of(len(theirs)) - 1]
            distances.append(float(ours.mean()))
            among.append(float(theirs.mean()))
        return {
            "closest": restored(sum(distances) / 2, exponent, "the distance to the closest record"),
            "closest_real": restored(sum(among) / 2, exponent, "the distance to the closest record"),
            "too_close": float(near.double().mean()),
        }
