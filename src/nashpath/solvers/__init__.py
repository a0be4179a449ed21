"""Solvers: where the field is evaluated, who moves, and (the rules) by how much."""

from nashpath.core import Table
from nashpath.solvers.alternating import Alternating
from nashpath.solvers.averaged import Averaged
from nashpath.solvers.base import Rule, Solver
from nashpath.solvers.rules import RULES, SGD, Adam, Momentum, RMSProp
from nashpath.solvers.simultaneous import Simultaneous

SOLVERS = Table("solver", {"alternating": Alternating, "simultaneous": Simultaneous})

AVERAGES = Table("average", {"ema": Averaged})

__all__ = [
    "AVERAGES",
    "RULES",
    "SGD",
    "SOLVERS",
    "Adam",
    "Alternating",
    "Averaged",
    "Momentum",
    "RMSProp",
    "Rule",
    "Simultaneous",
    "Solver",
]
