"""nashpath: train GANs as the games they are, and measure whether, and how, they reach an equilibrium."""

from nashpath.core import Game, Problem
from nashpath.data import Digits, Folder, Grid, Ring, as_source
from nashpath.games.gan import GAN
from nashpath.games.objectives import Hinge, LeastSquares, Minimax, NonSaturating, Wasserstein
from nashpath.games.penalties import R1, R2, Dragan, GradientPenalty, NoPenalty
from nashpath.run import Trained, train, train_many
from nashpath.solvers import EMA, SGD, Adam, Alternating, Extragradient, Momentum, RMSProp, Simultaneous

__all__ = [
    "EMA",
    "GAN",
    "R1",
    "R2",
    "SGD",
    "Adam",
    "Alternating",
    "Digits",
    "Dragan",
    "Extragradient",
    "Folder",
    "Game",
    "GradientPenalty",
    "Grid",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "Momentum",
    "NoPenalty",
    "NonSaturating",
    "Problem",
    "RMSProp",
    "Ring",
    "Simultaneous",
    "Trained",
    "Wasserstein",
    "as_source",
    "train",
    "train_many",
]
