"""Techniques that go with any game or objective. One file a technique."""

from nashpath.core import Table
from nashpath.games.techniques.feature_matching import FeatureMatching
from nashpath.games.techniques.features import activations, layer_names
from nashpath.games.techniques.historical_averaging import HistoricalAveraging, historical_averaging
from nashpath.games.techniques.joint_batch import JointBatch
from nashpath.games.techniques.label_smoothing import LabelSmoothing

TECHNIQUES = Table("technique", {"historical_averaging": historical_averaging})
"""From a game to a game; the others are rows of `nashpath.games.objectives` and layers of `nashpath.networks`."""

__all__ = [
    "TECHNIQUES",
    "FeatureMatching",
    "HistoricalAveraging",
    "JointBatch",
    "LabelSmoothing",
    "activations",
    "historical_averaging",
    "layer_names",
]
