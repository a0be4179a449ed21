"""A rate that is held, and then falls in a line to nothing."""

from torch import Tensor

from nashpath.core import Decay, Positive
from nashpath.solvers.schedules.base import Schedule


class Linear(Schedule):
    """The learning rate is held for a share ``hold`` of ``steps``, and falls in a line to 0 at their end.

    ::

        factor = clip((steps − n) / (steps · (1 − hold)), 0, 1),   n = 0, 1, …

    With ``hold`` 0 it falls from the start. Reference: openai/improved_gan ``train_{svhn,cifar}_feature_matching.py``
    (held for two thirds); Miyato et al. 2018, App. B (hold 0).
    """

    def __init__(self, steps: Positive = 100_000.0, hold: Decay = 2 / 3):
        super().__init__(steps=steps, hold=hold)

    def forward(self, count: Tensor) -> Tensor:
        return ((self.steps - count) / (self.steps * (1 - self.hold))).clamp(0.0, 1.0)
