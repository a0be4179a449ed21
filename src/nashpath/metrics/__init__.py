"""Numbers about samples: they see tensors, never a game. Every refusal is a `MetricError` that says what to do."""

from nashpath.metrics.errors import (
    ConstantError,
    FeaturesError,
    MetricError,
    NotFiniteError,
    ProtocolError,
    ShapeError,
    TooFewSamplesError,
)
from nashpath.metrics.modes import modes
from nashpath.metrics.nearest import classes, memorisation, nearest_labels, stacked_modes
from nashpath.metrics.sliced import sliced_wasserstein

__all__ = [
    "ConstantError",
    "FeaturesError",
    "MetricError",
    "NotFiniteError",
    "ProtocolError",
    "ShapeError",
    "TooFewSamplesError",
    "classes",
    "memorisation",
    "modes",
    "nearest_labels",
    "sliced_wasserstein",
    "stacked_modes",
]
