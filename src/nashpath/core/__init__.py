"""The base that every room rests on: games, numbers, parameter trees, tables."""

from nashpath.core.arguments import checks_arguments, did_you_mean
from nashpath.core.game import (
    Batch,
    DataSweep,
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
    Depth,
    Dimension,
    Few,
    Fraction,
    Hyperparameters,
    NonNegative,
    Number,
    Positive,
    Stateful,
    Turns,
    Whole,
    hyperparameter_names,
    split_buffers,
)
from nashpath.core.key import Key
from nashpath.core.rng import derive, generator, seeded
from nashpath.core.source import Source
from nashpath.core.table import Table, rebuilt
from nashpath.core.tree import Tree, tree_map

__all__ = [
    "Batch",
    "Count",
    "DataSweep",
    "Decay",
    "Depth",
    "Dimension",
    "Few",
    "Fraction",
    "FunctionalGame",
    "Game",
    "Hyperparameters",
    "Key",
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
    "Turns",
    "Whole",
    "checks_arguments",
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
