"""A small term turns the centre of a bilinear game into a limit cycle."""

from torch import Tensor

from nashpath.core import Hyperparameters, Number
from nashpath.games.toys.base import Truth, ZeroSum, descent


class AlmostBilinear(ZeroSum):
    """min over x, max over y of xy + ε φ(y): for ε > 0 all play ends on a cycle without a critical point on it.

    ::

        f(x, y) = xy + ε (y²/2 − y⁴/4),   eigenvalues of the flow at 0: ε/2 ± sqrt(ε²/4 − 1)

    The flow is van der Pol's oscillator: ``y'' = −y + ε (1 − 3y²) y'``. For ε > 0 the only critical point, 0, repels
    and one stable cycle attracts all else, with radius 2/√3 = 1.155 for small ε; y sits on its worst point
    (f_yy = ε > 0), so 0 is neither Nash nor minimax. For ε ≤ 0 it is a local Nash equilibrium; for ε < 0 it attracts
    from inside an unstable cycle of that radius, and for ε = 0 it is the centre of the bilinear game.

    Reference: Hsieh et al. 2021, Example 5.1; van der Pol 1926.
    """

    defaults = descent(0.05, solver="simultaneous")

    def __init__(self, epsilon: Number = 0.5, x: Number = 0.1, y: Number = 0.1):
        super().__init__([float(x)], [float(y)])
        self.coefficients = Hyperparameters(epsilon=epsilon)

    @property
    def truth(self) -> tuple[Truth, ...]:
        if float(self.coefficients.epsilon) > 0:
            return self.at("neither", "Hsieh et al. 2021, Example 5.1: f_yy = ε > 0")
        return self.at("local Nash", "f(x, 0) = 0 for every x, and f(0, y) = ε (y²/2 − y⁴/4) ≤ 0 for small y")

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return (x * y + self.coefficients.epsilon * (y.square() / 2 - y**4 / 4)).sum()
