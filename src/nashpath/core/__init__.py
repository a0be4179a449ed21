"""The base that every room rests on: games, numbers, parameter trees, tables."""

from nashpath.core.game import (
    Batch,
    FunctionalGame,
    Game,
    PlayerGradient,
    Point,
    Term,
    load_point,
    own_state,
    pick,
    point_of,
)
from nashpath.core.hyperparameters import (
    Count,
    Decay,
    Fraction,
    Hyperparameters,
    NonNegative,
    Number,
    Positive,
    Stateful,
    hyperparameter_names,
    split_buffers,
)
from nashpath.core.rng import derive, generator, seeded
from nashpath.core.source import Source
from nashpath.core.table import Table, did_you_mean, rebuilt
from nashpath.core.tree import Tree, tree_map

__all__ = [
    "Batch",
    "Count",
    "Decay",
    "Fraction",
    "FunctionalGame",
    "Game",
    "Hyperparameters",
    "NonNegative",
    "Number",
    "PlayerGradient",
    "Point",
    "Positive",
    "Source",
    "Stateful",
    "Table",
    "Term",
    "Tree",
    "derive",
    "did_you_mean",
    "generator",
    "hyperparameter_names",
    "load_point",
    "own_state",
    "pick",
    "point_of",
    "rebuilt",
    "seeded",
    "split_buffers",
    "tree_map",
]
