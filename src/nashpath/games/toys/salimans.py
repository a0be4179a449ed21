"""The toy on which historical averaging finds what gradient descent circles."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Number
from nashpath.games.toys.base import ZeroSum


class Salimans(ZeroSum):
    """min over x, max over y of (f(x) − 1)(y − 1), f(x) = x below 0 and x² above: orbits about (1, 1).

    ::

        f(x, y) = (f(x) − 1)(y − 1),   equilibrium (1, 1),   Jacobian eigenvalues ± 2i there

    Descent goes into extended orbits; with historical averaging of coefficient 0.1 it arrives.

    Reference: Salimans et al. 2016, Sec. 3.3.
    """

    equilibrium: ClassVar[Mapping[str, float] | None] = {"generator": 1.0, "discriminator": 1.0}

    def __init__(self, x: Number = 0.5, y: Number = 2.0):
        super().__init__([float(x)], [float(y)])

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return ((torch.where(x < 0, x, x.square()) - 1) * (y - 1)).sum()
