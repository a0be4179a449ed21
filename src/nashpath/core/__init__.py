"""The base that every room rests on: games, numbers, parameter trees, tables."""

from nashpath.core.game import Batch, Game, Point, Priced, Problem, load_point, own_state, pick, point_of
from nashpath.core.hyperparameters import (
    Count,
    Decay,
    Fraction,
    NonNegative,
    Number,
    Numbers,
    Positive,
    Stateful,
    number_names,
    split_buffers,
)
from nashpath.core.rng import derive, generator, seeded
from nashpath.core.source import Source
from nashpath.core.table import Table, nearest
from nashpath.core.tree import Tree, tree_map

__all__ = [
    "Batch",
    "Count",
    "Decay",
    "Fraction",
    "Game",
    "NonNegative",
    "Number",
    "Numbers",
    "Point",
    "Positive",
    "Priced",
    "Problem",
    "Source",
    "Stateful",
    "Table",
    "Tree",
    "derive",
    "generator",
    "load_point",
    "nearest",
    "number_names",
    "own_state",
    "pick",
    "point_of",
    "seeded",
    "split_buffers",
    "tree_map",
]
