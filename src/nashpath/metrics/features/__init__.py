"""Feature extractors by name, and whatever else can serve as one."""

from collections.abc import Callable

from torch import nn

from nashpath.core.table import Table
from nashpath.metrics.errors import FeaturesError
from nashpath.metrics.features.base import Extractor, Function, Network, Outputs, Pixels, extract
from nashpath.metrics.features.digits import DigitsFeatures
from nashpath.metrics.features.exported import Exported
from nashpath.metrics.features.inception import InceptionFeatures, download_inception

FEATURES = Table("feature extractor", {"digits": DigitsFeatures, "inception": InceptionFeatures, "pixels": Pixels})


def as_extractor(features: str | Extractor | nn.Module | Callable) -> Extractor:
    """An extractor from a name in `FEATURES`, a ``.pt2`` file, a network, or a function."""
    if isinstance(features, Extractor):
        return features
    if isinstance(features, nn.Module):
        return Network(features)
    if callable(features):
        return Function(features)
    if features.endswith(".pt2"):
        return Exported(features)
    if features not in FEATURES:
        raise FeaturesError(f"no features are called {features!r}; give {', '.join(FEATURES)}, or a .pt2 file")
    return FEATURES[features]()


__all__ = [
    "FEATURES",
    "DigitsFeatures",
    "Exported",
    "Extractor",
    "Function",
    "InceptionFeatures",
    "Network",
    "Outputs",
    "Pixels",
    "as_extractor",
    "download_inception",
    "extract",
]
