"""Update rules: a player's move from its gradients. One file each."""

from nashpath.core import Table
from nashpath.solvers.base import UpdateRule
from nashpath.solvers.rules.adam import Adam
from nashpath.solvers.rules.complex_momentum import ComplexMomentum
from nashpath.solvers.rules.conjugate_gradient import ConjugateGradient
from nashpath.solvers.rules.momentum import Momentum
from nashpath.solvers.rules.negative_momentum import NegativeMomentum
from nashpath.solvers.rules.norm_clipped import NormClipped
from nashpath.solvers.rules.rmsprop import RMSProp
from nashpath.solvers.rules.scheduled import Scheduled
from nashpath.solvers.rules.sgd import SGD

RULES = Table(
    "rule",
    {
        "adam": Adam,
        "sgd": SGD,
        "momentum": Momentum,
        "negative_momentum": NegativeMomentum,
        "complex_momentum": ComplexMomentum,
        "rmsprop": RMSProp,
        "conjugate_gradient": ConjugateGradient,
    },
    UpdateRule,
)

__all__ = [
    "RULES",
    "SGD",
    "Adam",
    "ComplexMomentum",
    "ConjugateGradient",
    "Momentum",
    "NegativeMomentum",
    "NormClipped",
    "RMSProp",
    "Scheduled",
]
