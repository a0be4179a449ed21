"""Any rule under any schedule: one wrapper, because every move is linear in the learning rate."""

import torch
from torch import Tensor

from nashpath.core import Hyperparameters, Tree, checks_arguments
from nashpath.core import tree as trees
from nashpath.solvers.base import LinearPart, Memory, UpdateRule
from nashpath.solvers.schedules import Schedule


class Scheduled(UpdateRule):
    """A rule whose learning rate follows a schedule; its steps are the player's own.

    ::

        move_n = schedule(n) · rule(g),   n = 0, 1, …

    A look-ahead (extragradient) has the rate of the step that it prepares, and is not counted.

    Reference: Naganuma and Iiduka 2022, the three learning-rate rules.
    """

    @checks_arguments
    def __init__(self, rule: UpdateRule, schedule: Schedule):
        Hyperparameters.__init__(self)
        self.rule, self.schedule = rule, schedule

    @property
    def learning_rate(self) -> Tensor:
        """The rate before the schedule."""
        return self.rule.learning_rate

    def init(self, params: Tree) -> Memory:
        return {"rule": self.rule.init(params), "count": torch.zeros((), device=next(iter(params.values())).device)}

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        move, kept = self.rule(gradient, memory["rule"])
        count = memory["count"]
        return trees.scale(move, self.schedule(count)), {"rule": kept, "count": count + 1}

    def extrapolate(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        move, kept = self.rule.extrapolate(gradient, memory["rule"])
        return trees.scale(move, self.schedule(memory["count"])), {**memory, "rule": kept}

    def linear(self, memory: Memory) -> LinearPart | None:
        return self.rule.linear(memory["rule"])

    def rate(self, memory: Memory) -> Tensor:
        return self.rule.rate(memory["rule"]) * self.schedule(memory["count"])
