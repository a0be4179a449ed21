"""A metric: settings in, numbers out. A sample is tensors, and lazily what an extractor and arithmetic make of them."""

import hashlib
import inspect
import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from nashpath.core.cache import remembered
from nashpath.core.contracts import gives, in_few_words
from nashpath.core.key import Key
from nashpath.core.rng import generator
from nashpath.core.source import Source
from nashpath.metrics.errors import FeaturesError, validate_numbers, validate_samples
from nashpath.metrics.features.base import Extractor, Outputs, Pixels, extract
from nashpath.metrics.moments import Moments, moments

GLANCED = 1000
GLANCED_AGAINST = 5000
"""Generated and held real samples that a number through training is measured on: cheap enough to ask often."""


HASHED = 1 << 22
"""Numbers that are hashed at once."""


class Sample:
    """Samples ``values [n, ...]`` (images in [-1, 1]), their features, logits and moments, each computed once.

    ``cached`` (for real data) keeps features, moments and what else is made `once` on disk, under a hash of the
    content and of the extractor. ``split`` says where they come from, for the protocol. Without an extractor the
    values are the features.
    """

    def __init__(self, values: Tensor, extractor: Extractor | None = None, split: str = "", cached: bool = False):
        self.values = validate_numbers(values, "samples").detach()
        self.extractor = extractor if extractor is not None else Pixels()
        self.split = split
        self._wish = cached
        self._cached = cached and bool(self.extractor.digest)
        self._made: dict[str, dict[str, Tensor]] = {}
        self._elsewhere: dict[str, Sample] = {}

    def __len__(self) -> int:
        return len(self.values)

    def seen_by(self, extractor: Extractor) -> "Sample":
        """The same samples in the features of another extractor; made once for each by its name and digest."""
        name = f"{extractor.name} {extractor.digest}"
        if name not in self._elsewhere:
            self._elsewhere[name] = Sample(self.values, extractor, self.split, self._wish)
        return self._elsewhere[name]

    def known(self, outputs: Outputs) -> "Sample":
        """These samples, of which the features were computed elsewhere."""
        self._made["features"] = outputs.as_dict()
        return self

    @property
    def made(self) -> Mapping[str, dict[str, Tensor]]:
        """What was computed of it so far, by kind."""
        return self._made

    @cached_property
    def content(self) -> str:
        """SHA-256 of the values with their shape and type."""
        flat = self.values.cpu().contiguous()
        digest = hashlib.sha256(f"{tuple(flat.shape)} {flat.dtype}".encode())
        for part in flat.view(-1).split(HASHED):  # a stop is heard between two
            digest.update(part.view(torch.uint8).numpy().data)
        return digest.hexdigest()

    @cached_property
    def _outputs(self) -> Outputs:
        validate_samples(self.values, "samples")
        kept = self.once("features", lambda: extract(self.extractor, self.values).as_dict())
        return Outputs(kept["features"], kept.get("logits"))

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The least and the largest number."""
        low, high = self.values.aminmax()
        return float(low), float(high)

    @property
    def features(self) -> Tensor:
        """``[n, d]``, float32 or float64, finite."""
        return validate_samples(self._outputs.features, f"{self.extractor.name} features")

    @property
    def logits(self) -> Tensor:
        """``[n, classes]``; raises `FeaturesError` if the extractor has none."""
        if self._outputs.logits is None:
            raise FeaturesError(f"{self.extractor.name} features come without class logits; use digits or inception")
        return validate_samples(self._outputs.logits, f"{self.extractor.name} logits")

    @cached_property
    def moments(self) -> Moments:
        """Mean and covariance of the features."""
        kept = self.once("moments", lambda: moments(self.features).as_dict())
        return Moments(kept["mean"], kept.get("covariance"), kept.get("root"))

    def once(self, kind: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        """A statistic of this sample alone (its balls, its kernel sums), computed by ``make`` once."""
        if kind not in self._made:
            key = f"{kind}-{self.content[:32]}-{self.extractor.digest[:32]}" if self._cached else ""
            made = remembered(key, make) if key else make()
            self._made[kind] = {name: tensor.to(self.values.device) for name, tensor in made.items()}
        return self._made[kind]


def _no_numbers(result: object, *given: object) -> str:
    """What is wrong with a metric's numbers."""
    if not isinstance(result, dict) or not result:
        return f"returns {in_few_words(result) if result != {} else 'no number'}, not a dict of numbers by name"
    for name, value in result.items():
        if not isinstance(name, str) or not isinstance(value, float | int) or isinstance(value, bool):
            return f"returns {in_few_words(value)} as {name!r}, not a number of Python's: float(...), or .item()"
    return ""


def _of_samples(*given: Any) -> list[Tensor]:
    """The samples that a metric is shown, and what was made of them so far."""
    samples = [one for one in given if isinstance(one, Sample)]
    made = [v for one in samples for kept in one.made.values() for v in kept.values()]
    return [*(one.values for one in samples), *made]


class Metric:
    """Base: constructor arguments are the settings (kept as attributes), ``compute`` the arithmetic.

    ``bias`` says in a few words how the number depends on the number of samples; it is part of the protocol.
    """

    bias: ClassVar[str] = ""

    space: ClassVar[str] = ""
    """Features that it is of wherever its name says none (``name@features`` does); empty: those of the evaluation."""

    of_training: ClassVar[bool] = False
    """Whether it compares with the samples trained on: of data without end, or of another split, there are none."""

    better: ClassVar[Mapping[str, int]] = {}
    """1 for the numbers of which more is better, −1 for those of which less is; others have no direction."""

    numbers: ClassVar[Mapping[str, str]] = {}
    """What each number means, in words, with its unit: said beside its name in reports."""

    shares: ClassVar[frozenset[str]] = frozenset()
    """The numbers that are shares, from 0 to 1: shown as percentages."""

    by_class: ClassVar[frozenset[str]] = frozenset()
    """The numbers that are also given of each class, as ``NAME.K`` with the number of the class."""

    signed: ClassVar[bool] = True
    """Whether a number of it can be below zero, as unbiased estimates can."""

    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Where numbers can lie, whatever the samples, that are no shares and bounded all the same."""

    least: int = 1
    """The fewest real samples that it is defined for."""

    @classmethod
    def limits(cls, number: str) -> tuple[float, float]:
        """Where a number (of a class: ``accuracy.3``) can lie: no end of an interval of its mean lies outside."""
        number = number.partition(".")[0]
        usual = (0.0, 1.0) if number in cls.shares else (-math.inf if cls.signed else 0.0, math.inf)
        return cls.bounds.get(number, usual)

    def tops(self, real: Sample) -> Mapping[str, float]:
        """The most that numbers can be beside these real samples, where that is less than their `limits` say."""
        return {}

    def caveat(self, real: Sample, fake: Sample) -> str:
        """What to know about the number from these samples: ``bias``, and what their numbers add to it."""
        return self.bias

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        """Whether it is a default metric for these data."""
        return False

    @classmethod
    def glance(cls, fake: Tensor, source: Source, key: Key) -> dict[str, float]:
        """The metric at every evaluation during training, where it is cheap enough; else empty.

        ``fake [n, *shape]`` are generated samples on the run's device, where it is computed; ``key`` (of the CPU) is
        for real ones and for what the metric draws itself. What takes long for many samples looks at `GLANCED` of them.
        """
        return {}

    @gives(_no_numbers, pure=True, shown=_of_samples)
    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """The numbers by name, from real and fake samples."""
        raise NotImplementedError

    def __call__(
        self, real: Tensor | Sample, fake: Tensor | Sample, rng: torch.Generator | None = None
    ) -> dict[str, float]:
        """As `compute`; tensors are features (or points) as they are, and the generator is seeded with 0 by default."""
        a = real if isinstance(real, Sample) else Sample(validate_numbers(real, "real"))
        b = fake if isinstance(fake, Sample) else Sample(validate_numbers(fake, "fake"))
        return self.compute(a, b, generator(0) if rng is None else rng)

    def settings(self) -> dict[str, Any]:
        """The constructor arguments that have defaults, by name."""
        parameters = inspect.signature(type(self).__init__).parameters.values()
        return {p.name: getattr(self, p.name) for p in parameters if p.default is not inspect.Parameter.empty}


def few_for_covariance(bias: str, real: Sample, fake: Sample) -> str:
    """The bias, and by number which sample has no more members than dimensions: its covariance is singular."""
    width = real.features.shape[1]
    few = [f"{len(sample)} {name}" for sample, name in ((real, "real"), (fake, "fake")) if len(sample) <= width]
    return f"{bias}; only {' and '.join(few)} samples for a covariance in {width} dimensions" if few else bias
