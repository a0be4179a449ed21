"""Games with known answers. One file a game."""

from nashpath.core import Table
from nashpath.games.toys.almost_bilinear import AlmostBilinear
from nashpath.games.toys.base import KnownGame, Truth, Vector, ZeroSum
from nashpath.games.toys.bilinear import Bilinear
from nashpath.games.toys.daskalakis_panageas import DaskalakisPanageas
from nashpath.games.toys.degenerate import Degenerate
from nashpath.games.toys.dirac import DiracGAN
from nashpath.games.toys.forsaken import Forsaken
from nashpath.games.toys.gaussian import GaussianGAN
from nashpath.games.toys.minimax_not_nash import MinimaxNotNash
from nashpath.games.toys.quadratic import Quadratic
from nashpath.games.toys.random_quadratic import RandomQuadratic
from nashpath.games.toys.saddle import Saddle
from nashpath.games.toys.salimans import Salimans
from nashpath.games.toys.stiff import Stiff
from nashpath.games.toys.time_scales import TimeScales
from nashpath.games.toys.weak_minty import WeakMinty

TOYS = Table(
    "game",
    {
        "bilinear": Bilinear,
        "quadratic": Quadratic,
        "dirac": DiracGAN,
        "saddle": Saddle,
        "salimans": Salimans,
        "forsaken": Forsaken,
        "almost_bilinear": AlmostBilinear,
        "minimax_not_nash": MinimaxNotNash,
        "daskalakis_panageas": DaskalakisPanageas,
        "weak_minty": WeakMinty,
        "stiff": Stiff,
        "degenerate": Degenerate,
        "time_scales": TimeScales,
        "random_quadratic": RandomQuadratic,
        "gaussian": GaussianGAN,
    },
)

__all__ = [
    "TOYS",
    "AlmostBilinear",
    "Bilinear",
    "DaskalakisPanageas",
    "Degenerate",
    "DiracGAN",
    "Forsaken",
    "GaussianGAN",
    "KnownGame",
    "MinimaxNotNash",
    "Quadratic",
    "RandomQuadratic",
    "Saddle",
    "Salimans",
    "Stiff",
    "TimeScales",
    "Truth",
    "Vector",
    "WeakMinty",
    "ZeroSum",
]
