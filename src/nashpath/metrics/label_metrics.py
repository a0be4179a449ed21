"""Metrics that need to know something of the data: a mixture's centres, or labels. `evaluate` takes it as ``known``."""

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
from torch import Tensor

from nashpath.core import Count, Key
from nashpath.core.source import HasModes, Source, Stacked, is_labelled
from nashpath.metrics.base import GLANCED, GLANCED_AGAINST, Metric, Sample
from nashpath.metrics.columns import table_of
from nashpath.metrics.distinct import distinct_of
from nashpath.metrics.errors import ShapeError, validate_samples
from nashpath.metrics.modes import class_shares, modes
from nashpath.metrics.nearest import classes, combinations, distances_among, memorised, stacked_modes

FEW_CLASSES = 100
"""Of more classes, nearest neighbours among held samples tell little."""


def facts_of(source: Source, most: int) -> dict[str, object]:
    """Facts about the data that metrics need, by the name of their argument; labels of ``most`` samples."""
    known: dict[str, object] = {}
    if isinstance(source, HasModes):
        known |= {"centres": source.centres, "deviation": source.deviation}
    if is_labelled(source):
        known |= {"classes": source.classes, "labels": source.labelled_examples(most)[1]}
    if len(source.shape) == 1:
        known |= {"columns": table_of(source)}
    if isinstance(source, Stacked):
        digits, labels = source.digits.labelled_examples()
        known |= {"digits": digits, "digit_labels": labels}
    return known


class Modes(Metric):
    """Modes of a known mixture that the samples cover, how evenly, and the share of samples near one.

    See `modes`. ``centres [k, d]`` and ``deviation`` are the data's.

    Reference: Srivastava et al. 2017, "VEEGAN" (modes and high-quality samples).
    """

    bias: ClassVar[str] = "modes can only be found with enough samples for each"
    better: ClassVar[Mapping[str, int]] = {"modes": 1, "high_quality": 1, "mode_kl": -1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "modes": "modes of the data that hold generated samples",
        "high_quality": "share of generated samples within four deviations of a mode",
        "mode_kl": "Kullback-Leibler divergence of the samples' shares of modes from the true ones, in nats",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"high_quality"})

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return isinstance(source, HasModes)

    @classmethod
    def glance(cls, fake: Tensor, source: Source, key: Key) -> dict[str, float]:
        return modes(fake, source.centres.to(fake.device), source.deviation) if isinstance(source, HasModes) else {}

    def __init__(self, centres: Tensor, deviation: float):
        self.centres = centres
        self.deviation = deviation

    def tops(self, real: Sample) -> Mapping[str, float]:
        return {"modes": len(self.centres), "mode_kl": math.log(len(self.centres))}

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"modes", "high_quality", "mode_kl"}``."""
        return modes(fake.values, self.centres, self.deviation)


class Classes(Metric):
    """Classes that the samples cover, each labelled as its nearest real sample, and in which shares.

    See `classes`. ``labels [n]`` (0..classes-1) are those of the real samples, in their order.

    Reference: Srivastava et al. 2017, "VEEGAN", section 4.2 (a classifier's labels; nearest neighbours here).
    """

    bias: ClassVar[str] = "classes can only be found with enough samples for each"
    better: ClassVar[Mapping[str, int]] = {"classes": 1, "class_kl": -1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "classes": "classes of the data that hold generated samples",
        "class_kl": "Kullback-Leibler divergence of the samples' shares of classes from those of real samples, in nats",
    }

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return is_labelled(source) and source.classes <= FEW_CLASSES

    @classmethod
    def glance(cls, fake: Tensor, source: Source, key: Key) -> dict[str, float]:
        if not is_labelled(source) or source.classes > FEW_CLASSES:
            return {}
        examples, labels = source.labelled_examples(GLANCED_AGAINST)
        return classes(fake[:GLANCED], examples.to(fake.device), labels, source.classes)

    def __init__(self, labels: Tensor, classes: Count):
        self.labels = labels
        self.classes = classes

    def tops(self, real: Sample) -> Mapping[str, float]:
        rarest = float(class_shares(self.labels.long(), self.classes).min())
        return {"classes": self.classes, "class_kl": -math.log(rarest) if rarest else math.inf}

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"classes", "class_kl"}``."""
        return classes(fake.values, real.values, self.labels, self.classes)


class StackedModes(Metric):
    """Number of the 1,000 combinations of three digits occur in stacked digits.

    See `stacked_modes`. ``digits [m, 1, h, w]`` and ``digit_labels [m]`` are single real digits. Each channel has the
    label of the nearest of them (``judge="nearest"``), or that of the highest logit of the features' classifier for it
    (``judge="classifier"``, as published), which then is in the protocol.

    Raises `FeaturesError` where the features come without logits, `ShapeError`, `NotFiniteError`.

    Reference: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks", section 3.3.1; Lin,
    Khetan, Fanti & Oh 2018, "PacGAN", Table 2; fjxmlzn/PacGAN ``VEEGAN_experiment`` (26,000 samples, a classifier).
    """

    bias: ClassVar[str] = "rises with the number of samples; 26,000 are usual"
    better: ClassVar[Mapping[str, int]] = {"stacked_modes": 1, "stacked_kl": -1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "stacked_modes": "of the 1,000 combinations of three digits, those generated",
        "stacked_kl": "Kullback-Leibler divergence of the shares of combinations from even ones, in nats",
    }

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return isinstance(source, Stacked)

    @classmethod
    def glance(cls, fake: Tensor, source: Source, key: Key) -> dict[str, float]:
        if not isinstance(source, Stacked):
            return {}
        digits, labels = source.digits.labelled_examples(GLANCED_AGAINST)
        return stacked_modes(fake, digits.to(fake.device), labels)

    def __init__(self, digits: Tensor, digit_labels: Tensor, judge: Literal["nearest", "classifier"] = "nearest"):
        self.digits = digits
        self.digit_labels = digit_labels
        self.judge = judge

    def tops(self, real: Sample) -> Mapping[str, float]:
        each = 10 if self.judge == "nearest" else self._stacked(real.values[:1], real).shape[1]
        many = each ** real.values.shape[1]
        return {"stacked_modes": many, "stacked_kl": math.log(many)}

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"stacked_modes", "stacked_kl"}``."""
        if self.judge == "nearest":
            return stacked_modes(fake.values, self.digits, self.digit_labels)
        if fake.values.dim() != 4:
            raise ShapeError(f"stacked digits are [n, channels, h, w]; got {tuple(fake.values.shape)}")
        logits = self._stacked(fake.values, fake)
        return combinations(logits.argmax(1).view(len(fake.values), -1), logits.shape[1])

    def _stacked(self, values: Tensor, sample: Sample) -> Tensor:
        """The logits of each channel of ``values [n, channels, h, w]``, by the classifier of a sample's features."""
        return Sample(values.flatten(0, 1).unsqueeze(1), sample.extractor).logits


class Memorisation(Metric):
    """Distance of samples to the nearest real ones, and the share of them that are copies.

    See `memorisation`; the real samples must be those trained on.

    Reference: Yoon, Choi, Kwon & Ryu 2023, "Diffusion Probabilistic Models Generalize when They Fail to Memorize".
    """

    bias: ClassVar[str] = "distances fall with the number of real samples"
    better: ClassVar[Mapping[str, int]] = {"copies": -1}
    signed = False
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "nearest": "mean distance of a generated sample to the nearest training sample, in units of the samples",
        "nearest_real": "the same for training samples among each other",
        "copies": "share of generated samples less than a third as far from one training sample as from the next",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"copies"})
    of_training = True

    def caveat(self, real: Sample, fake: Sample) -> str:
        return distinct_of(real).said(self.bias)

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"nearest", "nearest_real", "copies"}``."""
        validate_samples(real.values, "examples", least=self.least)
        known = real.values[distinct_of(real).kept]
        among = real.once("among-distinct", lambda: {"nearest": distances_among(known)})["nearest"]
        return memorised(fake.values, known, among)
