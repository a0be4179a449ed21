"""Steepest descent."""

from nashpath.core import NonNegative, Tree
from nashpath.core import tree as trees
from nashpath.solvers.base import LinearPart, Memory, UpdateRule


class SGD(UpdateRule):
    """Gradient descent.

    ::

        move = −learning_rate · g

    Reference: Robbins and Monro 1951; ``torch.optim.SGD``.
    """

    def __init__(self, learning_rate: NonNegative = 0.01):
        super().__init__(learning_rate)

    def linear(self, memory: Memory) -> LinearPart:
        return LinearPart()

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        return trees.scale(gradient, -self.learning_rate), memory
