"""Two players a thousandfold apart."""

from nashpath.core import NonNegative, Number
from nashpath.games.toys.base import descent
from nashpath.games.toys.quadratic import Quadratic


class Stiff(Quadratic):
    """min over x, max over y of ½ fast·x² + rotation·xy − ½ slow·y²: a Nash equilibrium, slow to reach for one of two.

    ::

        f(x, y) = ½ fast·x² + rotation·xy − ½ slow·y²,   eigenvalues near fast and slow + rotation²/fast

    One rate for both must stay below 2/fast, at which the other player needs some fast/(slow + rotation²/fast) rounds a
    factor e. Where it has been for a while only the slow player moves: a small gradient there is no small distance.

    Reference: Mescheder et al. 2017, Sec. 3 (the field); Heusel et al. 2017 (rates of one's own as the remedy).
    """

    defaults = descent(0.015)
    source = "convex and concave with f_xx = fast > 0 and f_yy = −slow < 0 (von Neumann 1928)"

    def __init__(
        self,
        fast: NonNegative = 100.0,
        slow: NonNegative = 0.1,
        rotation: Number = 1.0,
        x: Number = 1.0,
        y: Number = 1.0,
    ):
        super().__init__(fast, rotation, slow, x, y)
