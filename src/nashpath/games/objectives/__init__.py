"""What each player pays, as a function of the critic's logits. One file an objective."""

from nashpath.core import Table
from nashpath.games.objectives.base import Objective
from nashpath.games.objectives.hinge import Hinge
from nashpath.games.objectives.least_squares import LeastSquares
from nashpath.games.objectives.minimax import Minimax
from nashpath.games.objectives.non_saturating import NonSaturating
from nashpath.games.objectives.wasserstein import Wasserstein

OBJECTIVES = Table(
    "objective",
    {
        "non_saturating": NonSaturating,
        "minimax": Minimax,
        "wasserstein": Wasserstein,
        "least_squares": LeastSquares,
        "hinge": Hinge,
    },
)

__all__ = ["OBJECTIVES", "Hinge", "LeastSquares", "Minimax", "NonSaturating", "Objective", "Wasserstein"]
