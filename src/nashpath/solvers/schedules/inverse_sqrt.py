"""The classical diminishing rate."""

from torch import Tensor

from nashpath.solvers.schedules.base import Schedule


class InverseSqrt(Schedule):
    """The learning rate falls as one over the square root of the step.

    ::

        factor = 1 / sqrt(n + 1),   n = 0, 1, …

    Reference: Naganuma and Iiduka 2022, diminishing rule; Hiroki11x/ConjugateGradient_GAN ``utils/lr_scheduler.py``
    (``SqrtLR``).
    """

    def forward(self, count: Tensor) -> Tensor:
        return (count + 1).rsqrt()
