"""Descent with an inertia that turns."""

from nashpath.core import Decay, NonNegative, Number, Tree
from nashpath.core import tree as trees
from nashpath.solvers.base import Memory, UpdateRule


class ComplexMomentum(UpdateRule):
    """Momentum with a complex coefficient, of whose buffer the real part is applied.

    ::

        b ← momentum · e^{i·angle} · b + g  (b complex),   move = −learning_rate · Re b

    ``angle`` 0 is positive and π negative momentum; the default, π/8, is the paper's recommendation for GANs. The
    buffer is kept as two real trees. With it also simultaneous play of a bilinear game converges at small rates (at 0.1
    and momentum 0.8 by 0.977 a step; at momentum 0.9 only below about 0.05), which it does with no real momentum.

    Reference: Lorraine, Acuna, Vicol and Duvenaud 2022, Sec. 3 and Algorithm 1.
    """

    def __init__(self, learning_rate: NonNegative = 0.01, momentum: Decay = 0.9, angle: Number = 0.3926991):
        super().__init__(learning_rate, momentum=momentum, angle=angle)

    def init(self, params: Tree) -> Memory:
        return {"real": trees.zeros(params), "imaginary": trees.zeros(params)}

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        ahead, across = self.momentum * self.angle.cos(), self.momentum * self.angle.sin()
        old, side = memory["real"], memory["imaginary"]
        real = {k: ahead * old[k] - across * side[k] + g for k, g in gradient.items()}
        imaginary = {k: across * old[k] + ahead * side[k] for k in gradient}
        return trees.scale(real, -self.learning_rate), {"real": real, "imaginary": imaginary}
