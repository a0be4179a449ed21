"""Terms added to the discriminator's cost; most differentiate in the critic's input. One file each."""

from nashpath.core import Table
from nashpath.core.shapes import Critic
from nashpath.games.penalties.base import Penalty, norms, slopes, squared_norms
from nashpath.games.penalties.dragan import Dragan
from nashpath.games.penalties.dragan_centred import DraganCentred
from nashpath.games.penalties.gradient_penalty import GradientPenalty
from nashpath.games.penalties.lecam import LeCam
from nashpath.games.penalties.none import NoPenalty
from nashpath.games.penalties.one_sided_gradient_penalty import OneSidedGradientPenalty
from nashpath.games.penalties.r1 import R1
from nashpath.games.penalties.r1_r2 import R1R2
from nashpath.games.penalties.r2 import R2
from nashpath.games.penalties.sum import Sum
from nashpath.games.penalties.zero_centred import ZeroCentred

PENALTIES = Table(
    "penalty",
    {
        "none": NoPenalty,
        "wgan_gp": GradientPenalty,
        "gan_gp": GradientPenalty,
        "wgan_gp_one_sided": OneSidedGradientPenalty,
        "dragan": Dragan,
        "dragan_centred": DraganCentred,
        "r1": R1,
        "r2": R2,
        "r1_r2": R1R2,
        "zero_centred": ZeroCentred,
        "lecam": LeCam,
    },
    Penalty,
)

__all__ = [
    "PENALTIES",
    "R1",
    "R1R2",
    "R2",
    "Critic",
    "Dragan",
    "DraganCentred",
    "GradientPenalty",
    "LeCam",
    "NoPenalty",
    "OneSidedGradientPenalty",
    "Penalty",
    "Sum",
    "ZeroCentred",
    "norms",
    "slopes",
    "squared_norms",
]
