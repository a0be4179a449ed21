"""Terms added to the discriminator's cost; most differentiate in the critic's input. One file each."""

from nashpath.core import Table
from nashpath.core.shapes import Critic
from nashpath.games.penalties.balanced_consistency import BalancedConsistency
from nashpath.games.penalties.base import Penalty, norms, slopes, squared_norms
from nashpath.games.penalties.consistency_regularisation import ConsistencyRegularisation
from nashpath.games.penalties.dragan import Dragan
from nashpath.games.penalties.dragan_centred import DraganCentred
from nashpath.games.penalties.fisher import Fisher
from nashpath.games.penalties.gradient_penalty import GradientPenalty
from nashpath.games.penalties.jensen_shannon import JensenShannon
from nashpath.games.penalties.lazy_r1 import LazyR1
from nashpath.games.penalties.lecam import LeCam
from nashpath.games.penalties.none import NoPenalty
from nashpath.games.penalties.one_sided_gradient_penalty import OneSidedGradientPenalty
from nashpath.games.penalties.r1 import R1
from nashpath.games.penalties.r1_r2 import R1R2
from nashpath.games.penalties.r2 import R2
from nashpath.games.penalties.sobolev import Sobolev
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
        "lazy_r1": LazyR1,
        "zero_centred": ZeroCentred,
        "jensen_shannon": JensenShannon,
        "fisher": Fisher,
        "sobolev": Sobolev,
        "cr": ConsistencyRegularisation,
        "bcr": BalancedConsistency,
        "lecam": LeCam,
    },
    Penalty,
)

__all__ = [
    "PENALTIES",
    "R1",
    "R1R2",
    "R2",
    "BalancedConsistency",
    "ConsistencyRegularisation",
    "Critic",
    "Dragan",
    "DraganCentred",
    "Fisher",
    "GradientPenalty",
    "JensenShannon",
    "LazyR1",
    "LeCam",
    "NoPenalty",
    "OneSidedGradientPenalty",
    "Penalty",
    "Sobolev",
    "Sum",
    "ZeroCentred",
    "norms",
    "slopes",
    "squared_norms",
]
