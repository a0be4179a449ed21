"""Image data sets of the papers, as settings, and scores of images."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from nashpath.core import Table, generator
from nashpath.data import SOURCES
from nashpath.metrics import Sample
from nashpath.metrics.evaluate import compare_samples


def colour_mnist(split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """MNIST in colours at 32 pixels, or at ``options["pixels"]``."""
    return {"kind": "coloured_mnist", "split": split, "size": options.get("pixels", 32)}


def cifar10(split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """CIFAR-10."""
    return {"kind": "cifar10", "split": split}


def celeba(split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """CelebA at 64 pixels, from the folder ``options["celeba"]`` of its authors' download."""
    return {"kind": "celeba", "split": split, "folder": str(options["celeba"]), "size": 64}


PAPER_DATA = Table("data set", {"colour_mnist": colour_mnist, "cifar10": cifar10, "celeba": celeba})


def data_settings(name: str, split: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one split; ``options["data"]`` stands in for all of them where it is given."""
    return dict(options["data"]) if options["data"] else PAPER_DATA[name](split, options)


def source_of(settings: Mapping[str, Any]) -> Any:
    """The data set that settings name."""
    options = dict(settings)
    return SOURCES[options.pop("kind")](**options)


def uniform_noise(real: Sample, count: int) -> Tensor:
    """``count`` images of uniform noise in [-1, 1], of the shape of the real ones: what is no nearer is untrained."""
    return 2 * torch.rand(count, *real.values.shape[1:], generator=generator(0)) - 1


def image_scores(fake: Tensor, real: Sample) -> dict[str, float]:
    """``inception_score`` (over all samples at once, not ten splits) and ``fid`` against ``real``."""
    found = compare_samples(real, fake, ("inception_score", "fid"), settings={"inception_score": {"splits": 1}})
    return {m.name: round(m.value, 5) for m in found if m.name in ("inception_score", "fid")}
