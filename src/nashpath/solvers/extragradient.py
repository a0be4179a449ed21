"""Extragradient: extrapolate, then step from the original point."""

from nashpath.core import Batch, FunctionalGame, Point, pick
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all


class Extragradient(Solver):
    """Extragradient: steps with the field found one step ahead; with the rule ``adam`` it is ExtraAdam.

    ::

        θ' = θ + rule(∇J(θ; ξ₁)),    θ ← θ + rule(∇J(θ'; ξ₂))

    All players look ahead together, then step together. Both half-steps pass through the rule's moments, as in the
    authors' code. The two batches are independent; with ``same_batch`` they are one. Running statistics are renewed
    by the second half only. The rule ``adam`` adds its ε to the corrected root, ``sqrt(v / (1 − b2ᵗ)) + ε``, as
    `torch.optim.Adam` does; the authors' code, and `nashpath.solvers.optim.ExtraAdam`, add it to ``sqrt(v)``: the same
    as ε divided by ``sqrt(1 − b2ᵗ)``. On a bilinear game with learning rate h < 1 it contracts at
    ``sqrt(1 − h² + h⁴)``.

    Reference: Korpelevich 1976; Gidel et al. 2019, Sec. 3.2 and Algorithm 4; GauthierGidel/
    Variational-Inequality-GAN ``optim/extragradient.py``; Mishchenko et al. 2020 (one batch).
    """

    gradients = 4
    spectral = True

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule, same_batch: bool = False):
        super().__init__(discriminator=discriminator, generator=generator)
        self.same_batch = same_batch
        self.draws = 1 if same_batch else 2

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        ahead = dict(point.players)
        for who, price in price_all(problem, point, pick(batches, 0)).items():
            move, kept = self.rule(who).extrapolate(price.gradient, memory[who])
            ahead[who], memory = self.moved(who, point.players[who], move), {**memory, who: kept}
        priced = price_all(problem, Point(ahead, point.state), pick(batches, self.draws - 1))
        return self.play(point, priced, memory)
