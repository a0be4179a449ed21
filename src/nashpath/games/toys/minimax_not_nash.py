"""The order of moves matters: an optimum of the sequential game that is none of the simultaneous one."""

from nashpath.core import Number
from nashpath.games.toys.base import descent
from nashpath.games.toys.quadratic import Quadratic


class MinimaxNotNash(Quadratic):
    """min over x, max over y of −x² + 5xy − y²: a strict local minimax point that is not a Nash equilibrium.

    ::

        f(x, y) = −x² + 5xy − y²,   f_xx = −2 < 0,   f_yy = −2 < 0,   f_xx − f_xy²/f_yy = 10.5 > 0

    x alone would leave 0; once y answers by 5x/2, it pays 21x²/4 for that. Equal rates make the origin a centre
    (eigenvalues ± i √21), which simultaneous descent leaves. With a rate r times as high for y the flow's eigenvalues
    sum to 2r − 2: for every r > 1 it arrives. By default r = 10.

    Reference: Jin et al. 2020, Figure 1 (right) and Theorem 28.
    """

    defaults = descent(0.01, 0.1)
    source = "Jin et al. 2020, Figure 1 (right): local minimax, not local Nash"

    def __init__(self, x: Number = 1.0, y: Number = 1.0):
        super().__init__(-2.0, 5.0, 2.0, x, y)
