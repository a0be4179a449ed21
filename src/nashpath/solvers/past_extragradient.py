"""Extrapolation with the last gradient."""

from nashpath.core import Batch, FunctionalGame, Point, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all


class PastExtragradient(Solver):
    """Extrapolation from the past: extragradient at the price of one gradient, by looking ahead with the last one.

    ::

        θ' = θ + rule(g),    g ← ∇J(θ'),    θ ← θ + rule(g),    g = 0 at first

    Both half-steps pass through the rule's moments. On a bilinear game of strength s its rate is the largest root, in
    modulus, of ``λ² − (1 − 2ihs) λ − ihs``.

    Reference: Popov 1980; Gidel et al. 2019, Sec. 3.3 and ``train_pastextraadam.py``.
    """

    draws = 1
    gradients = 2
    spectral = True

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule):
        super().__init__(discriminator=discriminator, generator=generator)

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        return {**super().init(problem, point), "past": {k: trees.zeros(v) for k, v in point.players.items()}}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        ahead = dict(point.players)
        for who, gradient in memory["past"].items():
            move, kept = self.rule(who).extrapolate(gradient, memory[who])
            ahead[who], memory = self.moved(who, point.players[who], move), {**memory, who: kept}
        priced = price_all(problem, Point(ahead, point.state), pick(batches, 0))
        past = {who: price.gradient for who, price in priced.items()}
        return self.play(point, priced, {**memory, "past": past})
