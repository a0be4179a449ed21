"""Any rule under any schedule: one wrapper, because every move is linear in the learning rate."""

import torch
from torch import Tensor

from nashpath.core import Tree, checks_arguments
from nashpath.core import tree as trees
from nashpath.solvers.base import Memory, UpdateRule
from nashpath.solvers.rules.wrapping import WrappingRule
from nashpath.solvers.schedules import Schedule


class Scheduled(WrappingRule):
    """A rule whose learning rate follows a schedule; its steps are the player's own.

    ::

        move_n = schedule(n) · rule(g),   n = 0, 1, …

    A look-ahead (extragradient) has the rate of the step that it prepares, and is not counted.

    Reference: Naganuma and Iiduka 2022, the three learning-rate rules.
    """

    @checks_arguments
    def __init__(self, rule: UpdateRule, schedule: Schedule):
        super().__init__(rule)
        self.schedule = schedule

    def inner(self, memory: Memory) -> Memory:
        return memory["rule"]

    def init(self, params: Tree) -> Memory:
        return {"rule": super().init(params), "count": torch.zeros((), device=next(iter(params.values())).device)}

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        move, kept = self.rule(gradient, memory["rule"])
        count = memory["count"]
        return trees.scale(move, self.schedule(count)), {"rule": kept, "count": count + 1}

    def extrapolate(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        move, kept = self.rule.extrapolate(gradient, memory["rule"])
        return trees.scale(move, self.schedule(memory["count"])), {**memory, "rule": kept}

    def rate(self, memory: Memory) -> Tensor:
        return super().rate(memory) * self.schedule(memory["count"])
