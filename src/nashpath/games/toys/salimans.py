"""The toy on which historical averaging finds what gradient descent circles."""

from types import MappingProxyType

import torch
from torch import Tensor

from nashpath.core import Number
from nashpath.games.toys.base import Truth, ZeroSum, descent


class Salimans(ZeroSum):
    """min over x, max over y of (f(x) − 1)(y − 1), f(x) = x below 0 and x² above: orbits about (1, 1).

    ::

        f(x, y) = (f(x) − 1)(y − 1),   equilibrium (1, 1),   Jacobian eigenvalues ± 2i there

    Descent goes into extended orbits; with historical averaging of coefficient 0.1 it arrives.

    Reference: Salimans et al. 2016, Sec. 3.3.
    """

    equilibrium = MappingProxyType({"generator": 1.0, "discriminator": 1.0})

    defaults = descent(0.05)

    def __init__(self, x: Number = 0.5, y: Number = 2.0):
        super().__init__([float(x)], [float(y)])

    @property
    def truth(self) -> tuple[Truth, ...]:
        return self.at("local Nash", "Salimans et al. 2016, Sec. 3.3: f(1, y) and f(x, 1) are constant")

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return ((torch.where(x < 0, x, x.square()) - 1) * (y - 1)).sum()
