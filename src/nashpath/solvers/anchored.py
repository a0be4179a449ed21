"""Extragradient that is held by where it began, less and less."""

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Point, Tree, pick, tree_map
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all


class AnchoredExtragradient(Solver):
    """Extra anchored gradient (EAG): extragradient whose every step also returns a little to where play began.

    ::

        φ = θ + β (θ₀ − θ),   θ' = φ + rule(∇J(θ; ξ₁)),   θ ← φ + rule(∇J(θ'; ξ₂)),   β = 1/(k + 2),   k = 0, 1, …

    With a constant learning rate h ≤ 1/(8L) on a game with a monotone L-Lipschitz field F the last iterate has
    ``‖F(θ_k)‖² ≤ 4 (1 + hL + h²L²) / (h² (1 + hL)) · ‖θ₀ − θ*‖² / (k + 1)²``, the best possible order. Where play
    begins anew at another point, so do the anchor and the count. ``same_batch`` as in extragradient.

    Reference: Halpern 1967; Yoon and Ryu 2021, Sec. 2.1 (EAG-C) and Theorem 1.
    """

    gradients = 4
    no_round = "is another every round: the pull of the anchor fades"
    first = 2
    """The number under 1 in the first step's β."""

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule, same_batch: bool = False):
        super().__init__(discriminator=discriminator, generator=generator)
        self.same_batch = same_batch
        self.draws = 1 if same_batch else 2

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        anchor = tree_map(torch.clone, point.players)
        device = next(iter(next(iter(anchor.values())).values())).device
        return {**super().init(problem, point), "anchor": anchor, "count": torch.zeros((), device=device)}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        share = 1 / (memory["count"] + self.first)
        held: dict[str, Tree] = {}
        ahead: dict[str, Tree] = {}
        for who, price in price_all(problem, point, pick(batches, 0)).items():
            now, anchor = point.players[who], memory["anchor"][who]
            home = trees.add(now, trees.add(anchor, now, -1.0), share)
            move, kept = self.rule(who).extrapolate(price.gradient, memory[who])
            ahead[who] = self.moved(who, home, self.reach(move, price.gradient, share))
            held[who], memory = self.start(home, price.gradient, share), {**memory, who: kept}
        priced = price_all(problem, Point(ahead, point.state), pick(batches, self.draws - 1))
        return self.play(Point(held, point.state), priced, {**memory, "count": memory["count"] + 1})

    def reach(self, move: Tree, gradient: Tree, share: Tensor) -> Tree:
        """The look-ahead from φ, given the rule's move."""
        return move

    def start(self, home: Tree, gradient: Tree, share: Tensor) -> Tree:
        """Where the step begins, given φ."""
        return home
