"""Do generated rows lie nearer to real ones than other real ones do?"""

from collections.abc import Mapping
from typing import ClassVar

import torch

from nashpath.core.math.distances import middle, nearest_neighbours
from nashpath.core.source import Source
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.columns import table_of
from nashpath.metrics.errors import validate_pair, validate_samples
from nashpath.metrics.scale import check_spread, in_units, restored

NEAR = 0.025
"""The share of a half whose distances to the other half are the shortest."""


class ClosestRecord(Metric):
    """Distance to the closest record: of generated rows, and of one half of the real rows to the other.

    The real rows are halved at random, into A and B. A generated row is too close where its distance to A is below all
    but the nearest 2.5 % of the distances of rows of B to A, or its distance to B below those of A to B. Of fresh rows
    about 5 % are, of copies all. The real rows must be those trained on.

    Raises `TooFewSamplesError` (fewer than four real rows), `NotFiniteError`, `ShapeError`.

    Reference: Zhao, Kunar, Birke & Chen 2021, "CTAB-GAN: Effective Table Data Synthesizing", section 4 (distance to
    closest record); Platzer & Reutterer 2021, "Holdout-Based Empirical Assessment of Mixed-Type Synthetic Data"
    (against real rows held out).
    """

    bias: ClassVar[str] = "distances fall with the number of real rows; many real rows that are equal hide copies"
    better: ClassVar[Mapping[str, int]] = {"too_close": -1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "closest": "mean distance of a generated row to the nearest row of one half of the real ones",
        "closest_real": "the same for the other half of the real ones",
        "too_close": "share of generated rows nearer to a real one than real ones are to each other: 5 % of fresh rows "
        "and all copies",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"too_close"})
    of_training = True

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return table_of(source) is not None

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"closest", "closest_real", "too_close"}``."""
        validate_samples(real.values, "real", least=4)
        (x, y), exponent = in_units(*validate_pair(real.values, fake.values))
        check_spread([x, y], middle(x))
        order = torch.randperm(len(x), generator=rng).to(x.device)
        halves = x[order[: len(x) // 2]], x[order[len(x) // 2 :]]
        near, distances, among = torch.zeros(len(y), dtype=torch.bool, device=x.device), list[float](), list[float]()
        for known, other in (halves, halves[::-1]):
            theirs, ours = (nearest_neighbours(rows, known)[0][:, 0] for rows in (other, y))
            near |= ours < theirs.quantile(NEAR)
            distances.append(float(ours.mean()))
            among.append(float(theirs.mean()))
        return {
            "closest": restored(sum(distances) / 2, exponent, "the distance to the closest record"),
            "closest_real": restored(sum(among) / 2, exponent, "the distance to the closest record"),
            "too_close": float(near.double().mean()),
        }
