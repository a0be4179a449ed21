"""A schedule multiplies a rule's learning rate, step by step."""

from typing import ClassVar

from torch import Tensor

from nashpath.core import Hyperparameters


class Schedule(Hyperparameters):
    """A factor for the learning rate at each step. Abstract: subclasses write `forward`."""

    varies: ClassVar[bool] = True
    """Whether the factor is ever anything but 1."""

    def forward(self, count: Tensor) -> Tensor:
        """The factor at step ``count`` = 0, 1, 2, …; both are scalars. Every schedule starts at 1."""
        raise NotImplementedError
