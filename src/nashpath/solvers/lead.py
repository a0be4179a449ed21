"""Answer the opponent's last move."""

import torch

from nashpath.core import Batch, FunctionalGame, Hyperparameters, Number, Point, Tree, pick, tree_map
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.derivatives import mixed_product, settled


class LEAD(Solver):
    """Least-action dynamics (LEAD): a magnetic force on each player, given by the other one's last move.

    ::

        rule_i sees  ∇_i J_i + weight · ∂²_ij J_i (θ_j − θ_j,last),   θ_last = θ at first

    The paper's α is ``weight`` times the learning rate; its friction is the rule's: ``momentum`` for the physical
    method, ``adam`` for LEAD-Adam. On a bilinear game it is optimistic descent of ``optimism`` = ``weight``; with
    learning rate h its rate is the largest root, in modulus, of ``λ² − (1 − ih (1 + weight)) λ − ih weight``.

    Reference: Askari Hemmat, Mitra, Lajoie and Mitliagkas 2023, Algorithm 1.
    """

    draws = 1
    gradients = 2
    products = 2

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule, weight: Number = 1.0):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers = Hyperparameters(weight=weight)

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        return {**super().init(problem, point), "last": tree_map(torch.clone, point.players)}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch = pick(batches, 0)
        priced = price_all(problem, point, batch)
        at = settled(point, priced)
        seen: dict[str, Tree] = {}
        one, two = problem.players
        for i, j in {one: two, two: one}.items():
            last_move = trees.add(point.players[j], memory["last"][j], -1.0)
            force = mixed_product(problem, at, batch, {i: 1.0}, inner=j, outer=i)(last_move)
            seen[i] = trees.add(priced[i].gradient, force, self.numbers.weight)
        return self.play(point, priced, {**memory, "last": tree_map(torch.clone, point.players)}, seen)
