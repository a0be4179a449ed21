"""A schedule multiplies a rule's learning rate, step by step."""

from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Hyperparameters
from nashpath.core.contracts import gives, no_scalar

FIRST = 100
"""Steps at each of which the lowest factor is sought."""


class Schedule(Hyperparameters):
    """A factor for the learning rate at each step. Abstract: subclasses write `forward`."""

    varies: ClassVar[bool] = True
    """Whether the factor is ever anything but 1."""

    @gives(no_scalar, pure=True)
    def forward(self, count: Tensor) -> Tensor:
        """The factor at step ``count`` = 0, 1, 2, …; both are scalars. Every schedule starts at 1."""
        raise NotImplementedError

    @torch.no_grad()
    def lowest(self) -> float:
        """The least factor at the first `FIRST` steps and at powers of 10, up to 1e15: near 0 where it dies away."""
        counts = [*range(FIRST), *(10**k for k in range(3, 16))]
        like = next(self.buffers(), torch.zeros(()))
        return min(float(self(torch.tensor(float(n)).to(like))) for n in counts)
