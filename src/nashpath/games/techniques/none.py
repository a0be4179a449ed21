"""No technique: the neutral row of the table."""

from nashpath.core import Game, checks_arguments


@checks_arguments
def no_technique(game: Game) -> Game:
    """Leaves the game as it is.

    ::

        J_i

    Reference: Goodfellow et al. 2014, Algorithm 1 (which has none).
    """
    return game
