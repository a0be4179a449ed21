"""What generated samples are held against: the real ones, and the metrics and features that fit them, made once."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from nashpath.core import Source, derive, generator
from nashpath.data import ColouredDigits, Digits, StackedDigits
from nashpath.metrics import FeaturesError, Measurement, as_extractor, evaluate, metric_names, real_sample
from nashpath.metrics.features.inception import FILE, kept_file
from nashpath.run.errors import SettingError

HELD = 50_000
"""Real samples at most, of data that hold a number of them: what FIDs are usually measured against."""
DRAWN = 10_000
"""Real samples of data that have no end of them."""
BYTES = 2 << 30
FEW_CLASSES = 100

Applies = Callable[[Any], bool]


def _mixture(source: Any) -> bool:
    return hasattr(source, "centres")


def _labelled(source: Any) -> bool:
    return getattr(source, "classes", 0) > 0


def _stacked(source: Any) -> bool:
    return hasattr(source, "digits")


STANDARD: list[tuple[Applies, tuple[str, ...]]] = [
    (lambda source: len(source.shape) == 1, ("sliced_wasserstein", "prdc")),
    (lambda source: len(source.shape) == 3, ("fid", "kid", "prdc")),
    (_mixture, ("modes",)),
    (lambda source: _labelled(source) and source.classes <= FEW_CLASSES, ("classes",)),
    (_stacked, ("stacked_modes",)),
]
"""Metrics for data that have what they need."""

FITTING: list[tuple[Applies, str]] = [
    (lambda source: isinstance(source, Digits | StackedDigits | ColouredDigits), "digits"),
    (lambda source: len(source.shape) == 1, "pixels"),
    (lambda source: True, "inception"),
]
"""Features for the first kind of data that applies."""

KNOWN: dict[str, tuple[Applies, Callable[[Any, int], Any]]] = {
    "centres": (_mixture, lambda source, most: source.centres),
    "deviation": (_mixture, lambda source, most: source.deviation),
    "classes": (_labelled, lambda source, most: source.classes),
    "labels": (_labelled, lambda source, most: source.labelled_examples(most)[1]),
    "digits": (_stacked, lambda source, most: source.digits.labelled_examples()[0]),
    "digit_labels": (_stacked, lambda source, most: source.digits.labelled_examples()[1]),
}
"""What some metrics need to know of the data, from data that can tell."""


class ReferenceSet:
    """Measures samples of one data set; its real samples, features and statistics are made once and kept.

    Without ``metrics`` those that fit the data (`STANDARD`), with ``features`` "auto" those that do (`FITTING`). At
    most ``most`` real samples (0: 50,000 held ones or 10,000 draws, within 2 GiB). ``split`` says what they are.

    Raises `SettingError` for features that cannot be had, and a `MetricError` for unknown metrics.
    """

    def __init__(
        self, source: Source, metrics: Sequence[str] = (), features: str = "auto", split: str = "", most: int = 0
    ):
        self.metrics = metric_names(metrics or standard(source))
        if "memorisation" in self.metrics and not hasattr(source, "__len__"):
            raise SettingError("metrics: memorisation compares with the training samples, and these data draw new ones")
        extractor = _extractor(source, features)
        count = most or _most(source)
        self.real = real_sample(_real(source, count), extractor, split)
        self.known = {name: tell(source, count) for name, (can, tell) in KNOWN.items() if can(source)}
        self.tried: list[Measurement] = []

    def __call__(self, fake: Tensor, seed: int = 0) -> list[Measurement]:
        """Every number of ``fake [n, *shape]``, with its protocol. Raises a `MetricError`."""
        return evaluate(self.real, fake.cpu(), self.metrics, known=self.known, seed=seed)

    def trial(self, source: Source, count: int) -> "ReferenceSet":
        """Measures ``count`` new real samples: says early what cannot be measured, and makes what does not change."""
        self.tried = self(source.draw(generator(derive(0, "trial")), count)["real"])
        return self

    @property
    def numbers(self) -> list[str]:
        """The names of all numbers, once tried."""
        return [m.name for m in self.tried]

    def to(self, device: torch.device) -> "ReferenceSet":
        """Computes features on ``device`` from now on."""
        self.real.extractor.to(device)
        return self


def standard(source: Any) -> list[str]:
    """The metrics that fit this data."""
    return [name for applies, names in STANDARD if applies(source) for name in names]


def _extractor(source: Any, features: str) -> Any:
    """The features asked for, or those that fit; a `SettingError` says what to choose where there are none."""
    kind = next(name for applies, name in FITTING if applies(source)) if features == "auto" else features
    try:
        return as_extractor(kind)
    except FeaturesError as error:
        if kind != "inception":
            raise SettingError(f"features: {error}") from None
        size = "x".join(map(str, source.shape))
        raise SettingError(
            f"features: for images of {size} FID and its kin are measured with the Inception network, whose weights "
            f"are not at {kept_file()}. Fetch them with nashpath.metrics.download_inception(), or give the file "
            f"({FILE}) as features; or choose features pixels, digits, or a .pt2 file of your own"
        ) from None


def _most(source: Any) -> int:
    """So many real samples that published protocols are met, and memory is not filled."""
    wanted = HELD if hasattr(source, "__len__") else DRAWN
    return max(2, min(wanted, BYTES // (4 * torch.Size(source.shape).numel())))


def _real(source: Any, most: int) -> Tensor:
    """The real samples: those that are held (in the order of their labels), or draws from a seed of their own."""
    if hasattr(source, "examples"):
        return source.examples(most)
    return source.draw(generator(derive(0, "reference")), most)["real"]
