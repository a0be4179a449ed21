"""Solvers: where the field is evaluated, who moves, and (the rules) by how much."""

from nashpath.core import Table
from nashpath.solvers.acgd import AdaptiveCompetitiveGradient
from nashpath.solvers.alternating import Alternating
from nashpath.solvers.averaged import Averaged, plain
from nashpath.solvers.base import Rule, Solver
from nashpath.solvers.cgd import CompetitiveGradient
from nashpath.solvers.clipped import Clipped
from nashpath.solvers.consensus import Consensus
from nashpath.solvers.descent import Descent
from nashpath.solvers.ema import EMA
from nashpath.solvers.extragradient import Extragradient
from nashpath.solvers.lola import LOLA
from nashpath.solvers.lookahead import Lookahead
from nashpath.solvers.optimistic import Optimistic
from nashpath.solvers.past_extragradient import PastExtragradient
from nashpath.solvers.rules import RULES, SGD, Adam, ConjugateGradient, Momentum, RMSProp, Scheduled
from nashpath.solvers.schedules import SCHEDULES, Constant, InverseSqrt, Power, Schedule, StepDecay
from nashpath.solvers.sga import SymplecticAdjustment
from nashpath.solvers.simultaneous import Simultaneous
from nashpath.solvers.uniform import Uniform

SOLVERS = Table(
    "solver",
    {
        "alternating": Alternating,
        "simultaneous": Simultaneous,
        "extragradient": Extragradient,
        "past_extragradient": PastExtragradient,
        "optimistic": Optimistic,
        "consensus": Consensus,
        "sga": SymplecticAdjustment,
        "lola": LOLA,
        "cgd": CompetitiveGradient,
        "acgd": AdaptiveCompetitiveGradient,
        "lookahead": Lookahead,
    },
)

AVERAGES = Table("average", {"none": plain, "ema": EMA, "uniform": Uniform})

CONSTRAINTS = Table("constraint", {"none": plain, "clip": Clipped})

__all__ = [
    "AVERAGES",
    "CONSTRAINTS",
    "EMA",
    "LOLA",
    "RULES",
    "SCHEDULES",
    "SGD",
    "SOLVERS",
    "Adam",
    "AdaptiveCompetitiveGradient",
    "Alternating",
    "Averaged",
    "Clipped",
    "CompetitiveGradient",
    "ConjugateGradient",
    "Consensus",
    "Constant",
    "Descent",
    "Extragradient",
    "InverseSqrt",
    "Lookahead",
    "Momentum",
    "Optimistic",
    "PastExtragradient",
    "Power",
    "RMSProp",
    "Rule",
    "Schedule",
    "Scheduled",
    "Simultaneous",
    "Solver",
    "StepDecay",
    "SymplecticAdjustment",
    "Uniform",
    "plain",
]
