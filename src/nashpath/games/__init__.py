"""Games: the players and their costs."""

from nashpath.core import Game, Table
from nashpath.games.conditional import Conditional
from nashpath.games.gan import GAN
from nashpath.games.heads import HEADS
from nashpath.games.ideal import IDEALS
from nashpath.games.mixture import Mixture
from nashpath.games.objectives import OBJECTIVES
from nashpath.games.penalties import PENALTIES
from nashpath.games.semi_supervised import Classifies, SemiSupervised
from nashpath.games.techniques import TECHNIQUES
from nashpath.games.toys import TOYS

GAMES = Table(
    "game",
    {
        "gan": GAN,
        "conditional": Conditional,
        "mixture": Mixture,
        "semi_supervised": SemiSupervised,
        **TOYS,
        **IDEALS,
    },
    Game,
)

__all__ = [
    "GAMES",
    "GAN",
    "HEADS",
    "IDEALS",
    "OBJECTIVES",
    "PENALTIES",
    "TECHNIQUES",
    "TOYS",
    "Classifies",
    "Conditional",
    "Mixture",
    "SemiSupervised",
]
