"""Heads of class-conditional discriminators. One file a head."""

from nashpath.core import Table
from nashpath.games.heads.acgan import AuxiliaryClassifier
from nashpath.games.heads.adcgan import DiscriminativeClassifier
from nashpath.games.heads.base import ClassHead
from nashpath.games.heads.projection import Projection

HEADS = Table(
    "class head",
    {"projection": Projection, "acgan": AuxiliaryClassifier, "adcgan": DiscriminativeClassifier},
    ClassHead,
)

__all__ = ["HEADS", "AuxiliaryClassifier", "ClassHead", "DiscriminativeClassifier", "Projection"]
