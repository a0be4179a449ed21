"""Descent scaled by recent gradient sizes."""

from nashpath.core import Decay, NonNegative, Positive, Tree
from nashpath.core import tree as trees
from nashpath.solvers.base import LinearPart, Memory, UpdateRule


class RMSProp(UpdateRule):
    """RMSProp, the rule of the first WGAN.

    ::

        v ← decay · v + (1 − decay) g²,   move = −learning_rate · g / (sqrt(v) + epsilon)

    Reference: Tieleman and Hinton 2012; ``torch.optim.RMSprop``; Arjovsky et al. 2017, Algorithm 1.
    """

    adaptive = True

    def __init__(self, learning_rate: NonNegative = 5e-5, decay: Decay = 0.99, epsilon: Positive = 1e-8):
        super().__init__(learning_rate, decay=decay, epsilon=epsilon)

    def init(self, params: Tree) -> Memory:
        return trees.zeros(params)

    def linear(self, memory: Memory) -> LinearPart:
        scale = {k: 1 / (v.sqrt() + self.epsilon) for k, v in memory.items()}
        return LinearPart(scale=scale, most=1 / self.epsilon)

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        square = {k: self.decay * memory[k] + (1 - self.decay) * g * g for k, g in gradient.items()}
        return {k: -self.learning_rate * g / (square[k].sqrt() + self.epsilon) for k, g in gradient.items()}, square
