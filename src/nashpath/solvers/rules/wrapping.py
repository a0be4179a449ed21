"""A rule around another one. Abstract: `Scheduled` and `NormClipped` are such."""

from torch import Tensor

from nashpath.core import Hyperparameters, Tree
from nashpath.core.torch_compat import with_child
from nashpath.solvers.base import LinearPart, Memory, UpdateRule


class WrappingRule(UpdateRule):
    """A rule that moves through another one, ``rule``: what is asked of that one is handed on.

    Its memory is the other's; who keeps it elsewhere says so in `inner`, and adds what it keeps itself.
    """

    rule: UpdateRule

    def __init__(self, rule: UpdateRule, **numbers: float):
        Hyperparameters.__init__(self, **numbers)
        self.rule = rule
        self.adaptive, self.dense_learning_rate = rule.adaptive, rule.dense_learning_rate

    @property
    def learning_rate(self) -> Tensor:
        """The other rule's own, before any schedule."""
        return self.rule.learning_rate

    def inner(self, memory: Memory) -> Memory:
        """The other rule's memory, out of this one's."""
        return memory

    def init(self, params: Tree) -> Memory:
        return self.rule.init(params)

    def unlimited(self) -> UpdateRule:
        rule = self.rule.unlimited()
        return self if rule is self.rule else with_child(self, "rule", rule)

    def linear(self, memory: Memory) -> LinearPart | None:
        return self.rule.linear(self.inner(memory))

    def rate(self, memory: Memory) -> Tensor:
        return self.rule.rate(self.inner(memory))
