"""Terms that differentiate in the critic's input. One file a penalty."""

from nashpath.core import Table
from nashpath.games.penalties.base import Penalty
from nashpath.games.penalties.dragan import Dragan
from nashpath.games.penalties.gradient_penalty import GradientPenalty
from nashpath.games.penalties.none import NoPenalty
from nashpath.games.penalties.r1 import R1
from nashpath.games.penalties.r2 import R2

PENALTIES = Table(
    "penalty",
    {
        "none": NoPenalty,
        "wgan_gp": GradientPenalty,
        "gan_gp": GradientPenalty,
        "dragan": Dragan,
        "r1": R1,
        "r2": R2,
    },
)

__all__ = ["PENALTIES", "R1", "R2", "Dragan", "GradientPenalty", "NoPenalty", "Penalty"]
