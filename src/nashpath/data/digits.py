"""Real handwritten digits, small enough to travel inside the package."""

from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from nashpath.data.base import FiniteSource, Progress, SampleBuffer, Scale

BUNDLE = Path(__file__).parent / "assets" / "digits.npz"
Split = Literal["train", "test", "all"]


class Digits(FiniteSource):
    """1,797 real handwritten digits, 8x8 grey, ten classes; needs no network.

    Intensities 0..16 become ``v / 8 - 1``. ``split`` is fixed by rule: within each class, in the order of the file, the
    1st, 5th and 8th of every ten images are held out as ``"test"`` (30 %), the others are ``"train"``; ``"all"`` is
    both. Samples have shape ``(1, 8, 8)`` and a label 0..9.

    Reference: Alpaydin & Kaynak 1998, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository
    (the test portion, as scikit-learn ships it; CC BY 4.0).
    """

    shape: tuple[int, ...] = (1, 8, 8)
    features: ClassVar[str] = "digits"

    def __init__(self, split: Split = "train"):
        self.split, self._chosen = split, _chosen(split)

    @property
    def held_out(self) -> "Digits | None":
        """The split that was kept from training, to test a classifier on; None where nothing was."""
        return Digits("test") if self.split == "train" else None

    def _fill(self, progress: Progress | None) -> SampleBuffer:
        images, labels = _bundle()
        return SampleBuffer(images[self._chosen, None], labels[self._chosen], classes=10, scale=Scale(8.0, -1.0))


@cache
def _bundle() -> tuple[np.ndarray, np.ndarray]:
    """``images [n, 8, 8]`` (0..16) and ``labels [n]``, both uint8."""
    with np.load(BUNDLE, allow_pickle=False) as file:
        return file["images"], file["labels"]


def _chosen(split: str) -> np.ndarray:
    """Which rows of the bundle belong to the split, a boolean ``[n]``."""
    labels = _bundle()[1]
    rank = np.empty(len(labels), dtype=int)
    for label in range(10):
        rank[labels == label] = np.arange((labels == label).sum())
    held_out = 3 * rank % 10 < 3
    splits = {"train": ~held_out, "test": held_out, "all": np.ones(len(labels), dtype=bool)}
    if split not in splits:
        raise ValueError(f"split={split!r} is unknown; choose one of {', '.join(splits)}")
    return splits[split]
