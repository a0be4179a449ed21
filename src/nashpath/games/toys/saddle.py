"""The toy of the conjugate-gradient paper."""

from torch import Tensor

from nashpath.core import Number
from nashpath.games.toys.base import ZeroSum


class Saddle(ZeroSum):
    """min over x, max over y of (1 + x²)(100 − y²): a local Nash equilibrium at the origin, of value 100.

    ::

        f(x, y) = (1 + x²)(100 − y²),   start (2, −4)

    Near the origin the field is (200 x, 2 y): the two players live on time scales a hundredfold apart.

    Reference: Naganuma and Iiduka 2022, toy example; Hiroki11x/ConjugateGradient_GAN
    ``jupyter/toy_example/trajectory.ipynb``.
    """

    def __init__(self, x: Number = 2.0, y: Number = -4.0):
        super().__init__([float(x)], [float(y)])

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return ((1 + x.square()) * (100 - y.square())).sum()
