"""A diminishing rate of any order; one exponent a player makes two time scales."""

from torch import Tensor

from nashpath.core import NonNegative
from nashpath.solvers.schedules.base import Schedule


class Power(Schedule):
    """The learning rate falls as a power of the step; different exponents for the players make two time scales.

    ::

        factor = (n + 1) ^ −exponent,   n = 0, 1, …

    Reference: Heusel et al. 2017, Theorem 1 (two time scales); Naganuma and Iiduka 2022; Hiroki11x/
    ConjugateGradient_GAN ``utils/lr_scheduler.py`` (``TTScaleLR``, exponent 0.75 for both players).
    """

    def __init__(self, exponent: NonNegative = 0.75):
        super().__init__(exponent=exponent)

    def forward(self, count: Tensor) -> Tensor:
        return (count + 1) ** -self.exponent
