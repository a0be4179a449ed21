"""A rate that falls in stairs."""

from torch import Tensor

from nashpath.core import Fraction, Positive
from nashpath.solvers.schedules.base import Schedule


class StepDecay(Schedule):
    """The learning rate is multiplied by ``decay`` after every ``period`` steps; with period 1, exponential decay.

    ::

        factor = decay ^ floor(n / period),   n = 0, 1, …

    Reference: Naganuma and Iiduka 2022, CIFAR-10 experiments; Hiroki11x/ConjugateGradient_GAN
    ``utils/lr_scheduler.py`` (0.9 every 10,000 steps).
    """

    def __init__(self, decay: Fraction = 0.9, period: Positive = 10000.0):
        super().__init__(decay=decay, period=period)

    def forward(self, count: Tensor) -> Tensor:
        return self.decay ** (count / self.period).floor()
