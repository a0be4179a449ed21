"""Any rule, shown gradients of bounded norm."""

from nashpath.core import Positive, Tree, checks_arguments
from nashpath.core import tree as trees
from nashpath.solvers.base import Memory, UpdateRule
from nashpath.solvers.rules.wrapping import WrappingRule


class NormClipped(WrappingRule):
    """A rule that is shown a player's gradient as one vector of at most a given norm: gradient clipping.

    ::

        g ← g · min(1, norm / (‖g‖₂ + 1e-6)),   then the rule's own move

    Near a resting point it changes nothing, and is as linear as the rule is.

    Reference: Pascanu, Mikolov and Bengio 2013, Algorithm 1; PyTorch's ``clip_grad_norm_``.
    """

    @checks_arguments
    def __init__(self, rule: UpdateRule, norm: Positive = 1.0):
        super().__init__(rule, norm=norm)

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        return self.rule(self.clipped(gradient), memory)

    def extrapolate(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        return self.rule.extrapolate(self.clipped(gradient), memory)

    def unlimited(self) -> UpdateRule:
        return self.rule.unlimited()

    def clipped(self, gradient: Tree) -> Tree:
        """The gradient, shortened to the norm where it is longer."""
        return trees.scale(gradient, (self.norm / (trees.norm(gradient) + 1e-6)).clamp(max=1))
