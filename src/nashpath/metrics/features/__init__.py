"""Feature extractors by name, from files, modules and functions."""

from collections.abc import Callable
from pathlib import Path

from torch import nn

from nashpath.core.table import Table, did_you_mean
from nashpath.metrics.errors import FeaturesError
from nashpath.metrics.features.base import Extractor, Function, Network, Outputs, Pixels, extract
from nashpath.metrics.features.cifar10 import CIFAR10Features
from nashpath.metrics.features.digits import DigitsFeatures
from nashpath.metrics.features.exported import Exported
from nashpath.metrics.features.inception import InceptionFeatures, download_inception
from nashpath.metrics.features.mnist import MNISTFeatures

FILES = {".pt2": Exported, ".pth": InceptionFeatures}
"""Extractors of files, by suffix."""

FEATURES = Table(
    "feature extractor",
    {
        "digits": DigitsFeatures,
        "mnist": MNISTFeatures,
        "cifar10": CIFAR10Features,
        "inception": InceptionFeatures,
        "pixels": Pixels,
    },
)


def as_extractor(features: str | Extractor | nn.Module | Callable) -> Extractor:
    """An extractor from a name in `FEATURES`, a file, a network, or a function.

    Files are programs of ``torch.export.save`` (``.pt2``), and the published weights of Inception (``.pth``).
    """
    if isinstance(features, Extractor):
        return features
    if isinstance(features, nn.Module):
        return Network(features)
    if callable(features):
        return Function(features)
    kind = FILES.get(Path(features).suffix)
    if kind is not None:
        return kind(features)
    if features not in FEATURES:
        raise FeaturesError(
            f"no features are called {features!r}.{did_you_mean(features, list(FEATURES))} Give {', '.join(FEATURES)}, "
            "a .pt2 file (torch.export.save), or the .pth file of Inception's weights"
        )
    return FEATURES[features]()


__all__ = [
    "FEATURES",
    "CIFAR10Features",
    "DigitsFeatures",
    "Exported",
    "Extractor",
    "Function",
    "InceptionFeatures",
    "MNISTFeatures",
    "Network",
    "Outputs",
    "Pixels",
    "as_extractor",
    "download_inception",
    "extract",
]
