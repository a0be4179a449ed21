"""Descent with inertia."""

from nashpath.core import NonNegative, Number, Tree
from nashpath.core import tree as trees
from nashpath.solvers.base import LinearPart, Memory, UpdateRule


class Momentum(UpdateRule):
    """Heavy-ball momentum; a negative coefficient is allowed, and helps in rotating games.

    ::

        b ← momentum · b + g,   move = −learning_rate · b

    Reference: Polyak 1964; ``torch.optim.SGD(momentum=…)``; Gidel et al. 2019b for negative momentum.
    """

    def __init__(self, learning_rate: NonNegative = 0.01, momentum: Number = 0.9):
        super().__init__(learning_rate, momentum=momentum)

    def init(self, params: Tree) -> Memory:
        return trees.zeros(params)

    def linear(self, memory: Memory) -> LinearPart:
        return LinearPart(self.momentum)

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        buffer = {k: self.momentum * memory[k] + g for k, g in gradient.items()}
        return trees.scale(buffer, -self.learning_rate), buffer
