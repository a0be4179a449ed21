"""Are generated samples new, or training samples with noise on them?"""

from collections.abc import Mapping
from typing import ClassVar

import torch

from nashpath.core.math.distances import middle, nearest_neighbours
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.distinct import distinct_of
from nashpath.metrics.errors import validate_pair, validate_samples
from nashpath.metrics.nearest import distances_among
from nashpath.metrics.scale import check_spread, in_units, scaled


class Authenticity(Metric):
    """Share of generated samples that are farther from the nearest training sample than that one from any other.

    ::

        i = argmin_k ‖g − x_k‖,   g is authentic  ⇔  ‖g − x_i‖ > min over k ≠ i of ‖x_k − x_i‖

    1 where nothing is copied, 0 for copies with a little noise, of which distances of distributions say that they are
    perfect; about one half for fresh samples of the data themselves. In features; the real samples must be those
    trained on, of which equal ones count once (`distinct`): nearly equal ones are each other's neighbours, and copies
    with more noise than they differ by are authentic.

    Raises `TooFewSamplesError` (fewer than two real samples), `NotFiniteError`, `ShapeError`.

    Reference: Alaa, van Breugel, Saveliev & van der Schaar 2022, "How Faithful is your Synthetic Data? Sample-level
    Metrics for Evaluating and Auditing Generative Models" (authenticity; their code looks the distance among real
    samples up by the index of a generated one, the text as here).
    """

    bias: ClassVar[str] = "about 0.5 for fresh real samples, and near 1 for bad ones too: they are far from all"
    better: ClassVar[Mapping[str, int]] = {"authenticity": 1}
    signed = False
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "authenticity": "share of generated samples that lie no nearer to a training sample than that sample's own "
        "nearest neighbour",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"authenticity"})
    of_training = True

    def caveat(self, real: Sample, fake: Sample) -> str:
        return distinct_of(real).said(self.bias)

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"authenticity": share of fakes}``."""
        validate_samples(real.features, "real", least=self.least)
        kept = distinct_of(real).kept.to(real.features.device)
        known = validate_samples(real.features[kept], "real", least=self.least)
        (x, y), exponent = in_units(*validate_pair(known, fake.features))
        check_spread([x, y], middle(x))
        among = real.once("among-features-distinct", lambda: {"nearest": distances_among(known)})["nearest"]
        distance, index = nearest_neighbours(y, x)
        return {"authenticity": float((distance[:, 0] > scaled(among, exponent)[index[:, 0]]).double().mean())}
