"""The simplest game that gradient descent cannot play."""

from torch import Tensor

from nashpath.core import Dimension, Hyperparameters, Number, Positive
from nashpath.games.toys.base import Truth, ZeroSum


class Bilinear(ZeroSum):
    """min over x, max over y of s · x·y: a centre, around which simultaneous descent spirals outwards.

    ::

        f(x, y) = strength · x·y,   equilibrium (0, 0),   Jacobian eigenvalues ± i · strength

    With learning rate h on both players and strength 1, simultaneous descent multiplies the distance by
    ``sqrt(1 + h²)`` a step; alternating descent keeps it bounded; extragradient multiplies it by
    ``sqrt(1 − h² + h⁴)``. (0, 0) is the only equilibrium, a Nash equilibrium at which both players are indifferent.

    Reference: Salimans et al. 2016, Sec. 3 (the game xy); Gidel et al. 2019, Sec. 2 and 3.
    """

    def __init__(self, x: Number = 1.0, y: Number = 1.0, strength: Positive = 1.0, dimension: Dimension = 1):
        super().__init__([float(x)] * dimension, [float(y)] * dimension)
        self.coefficients = Hyperparameters(strength=strength)

    @property
    def truth(self) -> tuple[Truth, ...]:
        return self.at("local Nash", "Gidel et al. 2019, Sec. 2.3: the only equilibrium of a bilinear game is 0")

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return self.coefficients.strength * (x * y).sum()
