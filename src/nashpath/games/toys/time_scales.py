"""A point that equal rates leave and two time scales find."""

from nashpath.core import Number
from nashpath.games.toys.base import descent
from nashpath.games.toys.quadratic import Quadratic


class TimeScales(Quadratic):
    """min over x, max over y of −3x² + 4xy − y²: a strict local minimax point that equal-rate descent leaves.

    ::

        f(x, y) = −3x² + 4xy − y²,   f_xx = −6,   f_yy = −2,   f_xx − f_xy²/f_yy = 2 > 0

    With a rate r times as high for y the eigenvalues of the flow that descends have the sum 6 − 2r and the product 4r:
    it leaves for r < 3 (at equal rates twice by e^{2t}) and arrives for every r > 3. By default r = 10.

    Reference: Jin et al. 2020, Theorem 28 (local minimax points are the stable ones as r → ∞); Heusel et al. 2017
    (two time scales); Fiez and Ratliff 2021.
    """

    defaults = descent(0.01, 0.1)
    source = "Jin et al. 2020, Proposition 20: f_yy < 0 and a positive Schur complement"

    def __init__(self, x: Number = 1.0, y: Number = 1.0):
        super().__init__(-6.0, 4.0, 2.0, x, y)
