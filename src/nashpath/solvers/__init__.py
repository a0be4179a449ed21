"""Solvers: where the field is evaluated and who moves; update rules: by how much."""

from nashpath.core import Table
from nashpath.solvers.acgd import AdaptiveCompetitiveGradient
from nashpath.solvers.alternating import Alternating
from nashpath.solvers.anchored import AnchoredExtragradient
from nashpath.solvers.averaged import WeightAveraging, unchanged
from nashpath.solvers.base import Info, LinearPart, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.cgd import CompetitiveGradient
from nashpath.solvers.clip_gradient import clip_gradient
from nashpath.solvers.clipped import Clipped
from nashpath.solvers.consensus import Consensus
from nashpath.solvers.constrained import Constrained
from nashpath.solvers.descent import SinglePlayer
from nashpath.solvers.ema import EMA
from nashpath.solvers.extragradient import Extragradient
from nashpath.solvers.extragradient_plus import ExtragradientPlus
from nashpath.solvers.fast_extragradient import FastExtragradient
from nashpath.solvers.follow_the_ridge import FollowTheRidge
from nashpath.solvers.half_life import HalfLife
from nashpath.solvers.lead import LEAD
from nashpath.solvers.local_symplectic_surgery import LocalSymplecticSurgery
from nashpath.solvers.lola import LOLA
from nashpath.solvers.lookahead import Lookahead
from nashpath.solvers.optimistic import Optimistic
from nashpath.solvers.past_extragradient import PastExtragradient
from nashpath.solvers.post_hoc import PostHocEMA
from nashpath.solvers.rules import (
    RULES,
    SGD,
    Adam,
    ComplexMomentum,
    ConjugateGradient,
    Momentum,
    NegativeMomentum,
    NormClipped,
    RMSProp,
    Scheduled,
)
from nashpath.solvers.runge_kutta import RungeKutta
from nashpath.solvers.schedules import SCHEDULES, Constant, InverseSqrt, Linear, Power, Schedule, StepDecay
from nashpath.solvers.sga import SymplecticAdjustment
from nashpath.solvers.simultaneous import Simultaneous
from nashpath.solvers.svre import SVRE
from nashpath.solvers.uniform import PolyakAverage
from nashpath.solvers.unrolled import Unrolled

SOLVERS = Table(
    "solver",
    {
        "alternating": Alternating,
        "simultaneous": Simultaneous,
        "extragradient": Extragradient,
        "extragradient_plus": ExtragradientPlus,
        "past_extragradient": PastExtragradient,
        "optimistic": Optimistic,
        "anchored": AnchoredExtragradient,
        "fast_extragradient": FastExtragradient,
        "runge_kutta": RungeKutta,
        "consensus": Consensus,
        "sga": SymplecticAdjustment,
        "lola": LOLA,
        "lead": LEAD,
        "unrolled": Unrolled,
        "cgd": CompetitiveGradient,
        "acgd": AdaptiveCompetitiveGradient,
        "local_symplectic_surgery": LocalSymplecticSurgery,
        "follow_the_ridge": FollowTheRidge,
        "svre": SVRE,
        "lookahead": Lookahead,
    },
    Solver,
    takes=("discriminator", "generator"),
)

AVERAGES = Table(
    "average",
    {"none": unchanged, "ema": EMA, "half_life": HalfLife, "uniform": PolyakAverage, "post_hoc": PostHocEMA},
    Solver,
    takes=("solver",),
)

CONSTRAINTS = Table(
    "constraint", {"none": unchanged, "clip": Clipped, "clip_gradient": clip_gradient}, Solver, takes=("solver",)
)

__all__ = [
    "AVERAGES",
    "CONSTRAINTS",
    "EMA",
    "LEAD",
    "LOLA",
    "RULES",
    "SCHEDULES",
    "SGD",
    "SOLVERS",
    "SVRE",
    "Adam",
    "AdaptiveCompetitiveGradient",
    "Alternating",
    "AnchoredExtragradient",
    "Clipped",
    "CompetitiveGradient",
    "ComplexMomentum",
    "ConjugateGradient",
    "Consensus",
    "Constant",
    "Constrained",
    "Extragradient",
    "ExtragradientPlus",
    "FastExtragradient",
    "FollowTheRidge",
    "HalfLife",
    "Info",
    "InverseSqrt",
    "Linear",
    "LinearPart",
    "LocalSymplecticSurgery",
    "Lookahead",
    "Memory",
    "Momentum",
    "NegativeMomentum",
    "NormClipped",
    "Optimistic",
    "PastExtragradient",
    "PolyakAverage",
    "PostHocEMA",
    "Power",
    "RMSProp",
    "RungeKutta",
    "Schedule",
    "Scheduled",
    "Simultaneous",
    "SinglePlayer",
    "Solver",
    "StepDecay",
    "SymplecticAdjustment",
    "Unrolled",
    "UpdateRule",
    "WeightAveraging",
    "clip_gradient",
    "price_all",
    "unchanged",
]
