"""Descent is drawn to a point that no simultaneous player would choose."""

from nashpath.core import Number
from nashpath.games.toys.quadratic import Quadratic


class DaskalakisPanageas(Quadratic):
    """min over x, max over y of −x²/8 − y²/2 + 6xy/10: stable under descent, and not a Nash equilibrium.

    ::

        f(x, y) = −x²/8 − y²/2 + 6xy/10,   f_xx = −1/4 < 0,   f_yy = −1,   f_xx − f_xy²/f_yy = 0.11 > 0

    The flow that descends has the eigenvalues −0.2 and −0.55 (to two digits): descent at equal rates arrives at the
    origin, where x sits on its worst point of f(·, 0). What the source calls local min-max is a local Nash point, which
    the origin is not; in the order of moves it is a strict local minimax point.

    Reference: Daskalakis and Panageas 2018, Lemma 2.7 and its example; Jin et al. 2020, Proposition 20.
    """

    source = "Daskalakis and Panageas 2018, Sec. 2: stable, no local Nash point; Jin et al. 2020, Proposition 20"

    def __init__(self, x: Number = 1.0, y: Number = 1.0):
        super().__init__(-0.25, 0.6, 1.0, x, y)
