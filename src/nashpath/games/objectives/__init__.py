"""Objectives: each player's cost as a function of the critic's logits. One file each."""

from nashpath.core import Table
from nashpath.games.objectives.base import Critic, Objective
from nashpath.games.objectives.cumulant import Cumulant
from nashpath.games.objectives.energy_distance import EnergyDistance
from nashpath.games.objectives.f_gan import FGAN
from nashpath.games.objectives.feature_matching import FeatureMatching
from nashpath.games.objectives.hinge import Hinge
from nashpath.games.objectives.joint_batch import JointBatch
from nashpath.games.objectives.label_smoothing import LabelSmoothing
from nashpath.games.objectives.least_squares import LeastSquares
from nashpath.games.objectives.minimax import Minimax
from nashpath.games.objectives.mmd import GaussianMMD, MMDObjective, RationalQuadraticMMD
from nashpath.games.objectives.monoflow import MonoFlowObjective
from nashpath.games.objectives.neural_net_distance import NeuralNetDistance
from nashpath.games.objectives.non_saturating import NonSaturating
from nashpath.games.objectives.plug_in import PlugIn
from nashpath.games.objectives.relativistic import Relativistic
from nashpath.games.objectives.relativistic_average import RelativisticAverage
from nashpath.games.objectives.scaled_mmd import ScaledMMD
from nashpath.games.objectives.sinkhorn import Sinkhorn
from nashpath.games.objectives.wasserstein import Wasserstein

OBJECTIVES = Table(
    "objective",
    {
        "non_saturating": NonSaturating,
        "minimax": Minimax,
        "wasserstein": Wasserstein,
        "least_squares": LeastSquares,
        "hinge": Hinge,
        "relativistic": Relativistic,
        "relativistic_average": RelativisticAverage,
        "cumulant": Cumulant,
        "f_gan": FGAN,
        "mmd_gaussian": GaussianMMD,
        "mmd_rational_quadratic": RationalQuadraticMMD,
        "scaled_mmd": ScaledMMD,
        "energy_distance": EnergyDistance,
        "sinkhorn": Sinkhorn,
        "neural_net_distance": NeuralNetDistance,
        "feature_matching": FeatureMatching,
        "label_smoothing": LabelSmoothing,
        "joint_batch": JointBatch,
        "monoflow": MonoFlowObjective,
        "plug_in": PlugIn,
    },
    Objective,
)

__all__ = [
    "FGAN",
    "OBJECTIVES",
    "Critic",
    "Cumulant",
    "EnergyDistance",
    "FeatureMatching",
    "GaussianMMD",
    "Hinge",
    "JointBatch",
    "LabelSmoothing",
    "LeastSquares",
    "MMDObjective",
    "Minimax",
    "MonoFlowObjective",
    "NeuralNetDistance",
    "NonSaturating",
    "Objective",
    "PlugIn",
    "RationalQuadraticMMD",
    "Relativistic",
    "RelativisticAverage",
    "ScaledMMD",
    "Sinkhorn",
    "Wasserstein",
]
