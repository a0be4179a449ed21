"""Games: what the players are, and what each of them pays."""

from nashpath.core import Table
from nashpath.games.gan import GAN
from nashpath.games.ideal import IDEALS
from nashpath.games.objectives import OBJECTIVES
from nashpath.games.penalties import PENALTIES
from nashpath.games.toys import TOYS

GAMES = Table("game", {"gan": GAN, **TOYS, **IDEALS})

__all__ = ["GAMES", "GAN", "IDEALS", "OBJECTIVES", "PENALTIES", "TOYS"]
