"""No schedule: the neutral row of the table."""

import torch
from torch import Tensor

from nashpath.solvers.schedules.base import Schedule


class Constant(Schedule):
    """The learning rate stays as it is.

    ::

        factor = 1

    Reference: Naganuma and Iiduka 2022, constant rule; Hiroki11x/ConjugateGradient_GAN ``utils/lr_scheduler.py``.
    """

    varies = False

    def forward(self, count: Tensor) -> Tensor:
        return torch.ones_like(count)
