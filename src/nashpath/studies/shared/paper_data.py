"""Image data sets of the papers, as settings (CIFAR-10, CelebA from a folder, Color MNIST), and scores of images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Source, Table
from nashpath.core.cache import cache_folder, replacing, swept
from nashpath.data import SOURCES, ColouredDigits
from nashpath.metrics import Sample, evaluate_samples

MNIST = {"kind": "hub", "repo": "ylecun/mnist", "revision": "77f3279092a1c1579b2250db8eafed0ad422088c"}
CIFAR10 = {"kind": "hub", "repo": "uoft-cs/cifar10", "revision": "0b2714987fa478483af9968de7c934580d0bb9a2"}
COUNT = {"train": 60_000, "test": 10_000}


class ColouredMNIST(ColouredDigits):
    """A source of grey digits in two random colours, by the rule of `ColouredDigits`.

    Reference: Fedus et al. 2017, image experiments (Color MNIST).
    """

    def __init__(self, grey: Any, contrast: float = 0.25):
        super().__init__(contrast=contrast)
        self._digits, self.shape = grey, (3, *grey.shape[1:])


def colour_mnist(split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """MNIST in colours, made once into an array in the cache."""
    file = swept(cache_folder()) / f"colour-mnist-{split}.npy"
    if not file.exists():
        grey = source_of({**MNIST, "files": f"mnist/{split}-*", "channels": 1})
        write_coloured(grey, file, COUNT[split])
    return {"kind": "array", "path": str(file)}


def write_coloured(grey: Source, file: Path, count: int) -> None:
    """``count`` coloured digits as bytes [count, 3, h, w]; another process sees no file or the whole of it."""
    images = ColouredMNIST(grey).examples(count).add(1).mul(127.5).round().to(torch.uint8).numpy()
    with replacing(file) as stream:
        np.save(stream, images)


def cifar10(split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """CIFAR-10 from the Hub, at one revision."""
    return {**CIFAR10, "files": f"plain_text/{split}-*", "column": "img"}


def celeba(split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """CelebA at 64 pixels from the folder ``options["celeba"]``, which has subfolders ``train`` and ``test``."""
    return {"kind": "folder", "path": (Path(options["celeba"]) / split).as_posix(), "size": 64}


PAPER_DATA = Table("data set", {"colour_mnist": colour_mnist, "cifar10": cifar10, "celeba": celeba})


def data_settings(name: str, split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one split; ``options["data"]`` stands in for all of them where it is given."""
    return dict(options["data"]) if options["data"] else PAPER_DATA[name](split, options)


def source_of(settings: Mapping[str, Any]) -> Any:
    """The data set that settings name."""
    options = dict(settings)
    return SOURCES[options.pop("kind")](**options)


def image_scores(fake: Tensor, real: Sample) -> dict[str, float]:
    """``inception_score`` (over all samples at once, not ten splits) and ``fid`` against ``real``."""
    found = evaluate_samples(real, fake, ("inception_score", "fid"), settings={"inception_score": {"splits": 1}})
    return {m.name: round(m.value, 5) for m in found if m.name in ("inception_score", "fid")}
