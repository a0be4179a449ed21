"""The toy of the conjugate-gradient paper."""

from torch import Tensor

from nashpath.core import Number
from nashpath.games.toys.base import Truth, ZeroSum, descent


class Saddle(ZeroSum):
    """min over x, max over y of (1 + x²)(100 − y²): a local Nash equilibrium at the origin, of value 100.

    ::

        f(x, y) = (1 + x²)(100 − y²),   start (2, −4)

    Near the origin the field is (200 x, 2 y): the two players live on time scales a hundredfold apart, and
    descent at one rate for both must be slower than 1/100 for the generator's sake.

    Reference: Naganuma and Iiduka 2022, toy example; Hiroki11x/ConjugateGradient_GAN
    ``jupyter/toy_example/trajectory.ipynb``.
    """

    defaults = descent(0.005)

    def __init__(self, x: Number = 2.0, y: Number = -4.0):
        super().__init__([float(x)], [float(y)])

    @property
    def truth(self) -> tuple[Truth, ...]:
        return self.at("local Nash", "Naganuma and Iiduka 2022: f_xx = 200 and f_yy = −2 at the origin")

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return ((1 + x.square()) * (100 - y.square())).sum()
