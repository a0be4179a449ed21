"""Solvers: where the field is evaluated and who moves; update rules: by how much."""

from nashpath.core import Table
from nashpath.solvers.acgd import AdaptiveCompetitiveGradient
from nashpath.solvers.alternating import Alternating
from nashpath.solvers.averaged import WeightAveraging, unchanged
from nashpath.solvers.base import Info, LinearPart, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.cgd import CompetitiveGradient
from nashpath.solvers.clipped import Clipped
from nashpath.solvers.consensus import Consensus
from nashpath.solvers.constrained import Constrained
from nashpath.solvers.descent import SinglePlayer
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
from nashpath.solvers.uniform import PolyakAverage

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
    Solver,
    takes=("discriminator", "generator"),
)

AVERAGES = Table("average", {"none": unchanged, "ema": EMA, "uniform": PolyakAverage}, Solver, takes=("solver",))

CONSTRAINTS = Table("constraint", {"none": unchanged, "clip": Clipped}, Solver, takes=("solver",))

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
    "Clipped",
    "CompetitiveGradient",
    "ConjugateGradient",
    "Consensus",
    "Constant",
    "Constrained",
    "Extragradient",
    "Info",
    "InverseSqrt",
    "LinearPart",
    "Lookahead",
    "Memory",
    "Momentum",
    "Optimistic",
    "PastExtragradient",
    "PolyakAverage",
    "Power",
    "RMSProp",
    "Schedule",
    "Scheduled",
    "Simultaneous",
    "SinglePlayer",
    "Solver",
    "StepDecay",
    "SymplecticAdjustment",
    "UpdateRule",
    "WeightAveraging",
    "price_all",
    "unchanged",
]
