"""Adaptive moments."""

import torch

from nashpath.core import Decay, NonNegative, Positive, Tree
from nashpath.core import tree as trees
from nashpath.core.math.averages import bias_correction
from nashpath.solvers.base import LinearPart, Memory, UpdateRule


class Adam(UpdateRule):
    """Adam with bias correction; the defaults are those of GAN practice (first decay 0.5), not of the Adam paper.

    ::

        m ← b1 m + (1 − b1) g,   v ← b2 v + (1 − b2) g²
        move = −learning_rate · (m / (1 − b1ᵗ)) / (sqrt(v / (1 − b2ᵗ)) + epsilon)

    Reference: Kingma and Ba 2015, Algorithm 1; Radford et al. 2016, Sec. 4 (0.0002 and 0.5 for GANs).
    """

    adaptive = True
    dense_learning_rate = 1e-3  # dense networks and toys have higher best rates than the convolutions of GAN practice

    def __init__(self, learning_rate: NonNegative = 2e-4, b1: Decay = 0.5, b2: Decay = 0.999, epsilon: Positive = 1e-8):
        super().__init__(learning_rate, b1=b1, b2=b2, epsilon=epsilon)

    def init(self, params: Tree) -> Memory:
        count = torch.zeros((), device=next(iter(params.values())).device)
        return {"first": trees.zeros(params), "second": trees.zeros(params), "count": count}

    def linear(self, memory: Memory) -> LinearPart:
        spread = bias_correction(self.b2, memory["count"]).sqrt()
        scale = {k: 1 / (v.sqrt() / spread + self.epsilon) for k, v in memory["second"].items()}
        return LinearPart(self.b1, (1 - self.b1) / bias_correction(self.b1, memory["count"]), scale, 1 / self.epsilon)

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        count = memory["count"] + 1
        new1, new2 = 1 - self.b1, 1 - self.b2
        first = {k: torch.lerp(memory["first"][k], g, new1) for k, g in gradient.items()}
        second = {k: torch.lerp(memory["second"][k], g * g, new2) for k, g in gradient.items()}
        # over and under the line: two numbers in place of two operations a tensor
        spread = bias_correction(self.b2, count).sqrt()
        size, least = -self.learning_rate * spread / bias_correction(self.b1, count), self.epsilon * spread
        move = {k: size * m / (second[k].sqrt() + least) for k, m in first.items()}
        return move, {"first": first, "second": second, "count": count}
