"""nashpath: train GANs as the games they are, and measure whether, and how, they reach an equilibrium."""

from nashpath.core import FunctionalGame, Game
from nashpath.data import Array, Digits, Folder, Grid, Ring, Samples, as_source
from nashpath.games import GAN, Mixture, SemiSupervised
from nashpath.games.objectives import Hinge, LeastSquares, Minimax, NonSaturating, Objective, Relativistic, Wasserstein
from nashpath.games.penalties import R1, R1R2, R2, Dragan, GradientPenalty, NoPenalty, Sum
from nashpath.games.penalties.base import Penalty
from nashpath.networks import spectral_norm
from nashpath.run import Trained, register, train, train_many
from nashpath.solvers import (
    EMA,
    SGD,
    Adam,
    Alternating,
    Extragradient,
    Momentum,
    Optimistic,
    PolyakAverage,
    RMSProp,
    Simultaneous,
    Solver,
    UpdateRule,
)

__all__ = [
    "EMA",
    "GAN",
    "R1",
    "R1R2",
    "R2",
    "SGD",
    "Adam",
    "Alternating",
    "Array",
    "Digits",
    "Dragan",
    "Extragradient",
    "Folder",
    "FunctionalGame",
    "Game",
    "GradientPenalty",
    "Grid",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "Mixture",
    "Momentum",
    "NoPenalty",
    "NonSaturating",
    "Objective",
    "Optimistic",
    "Penalty",
    "PolyakAverage",
    "RMSProp",
    "Relativistic",
    "Ring",
    "Samples",
    "SemiSupervised",
    "Simultaneous",
    "Solver",
    "Sum",
    "Trained",
    "UpdateRule",
    "Wasserstein",
    "as_source",
    "register",
    "spectral_norm",
    "train",
    "train_many",
]
