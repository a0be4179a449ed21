"""The generator pays for what the discriminator is about to learn."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Le
from torch import Tensor
from torch.func import grad_and_value

from nashpath.core import Batch, FunctionalGame, Hyperparameters, NonNegative, PlayerGradient, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule
from nashpath.solvers.derivatives import stake

Unrolling = Annotated[int, Ge(0), Le(1000)]
"""How many steps are looked ahead; 0: none."""
Inner = Literal["descent", "rule"]


class Unrolled(Solver):
    """Unrolled play: the generator's cost is that against the discriminator after some more gradient steps.

    ::

        θ_D⁰ = θ_D,   θ_Dˡ⁺¹ = θ_Dˡ − lookahead · ∇_D J_D(θ_G, θ_Dˡ),   l < unrolling
        rule_G sees  d J_G(θ_G, θ_Dᵏ(θ_G)) / dθ_G  through all steps,   rule_D sees ∇_D J_D(θ),   k = ``unrolling``

    Both players move from the same point, on the same batch; with ``unrolling`` 0 that is simultaneous play. The
    reported cost of the generator is the unrolled one. On a bilinear game with learning rate h it contracts where
    ``h < 2 · unrolling · lookahead`` and ``h · unrolling · lookahead < 1 + h²/4``; while the eigenvalues are complex,
    at the rate ``sqrt(1 − 2h · unrolling · lookahead + h²)``.

    With ``inner=rule`` the looked-ahead steps are those of the discriminator's own rule, at its present rate and from
    its present moments, and the derivative goes through the rule, too: the authors unroll Adam so. (``lookahead`` is
    not used.) Where a gradient is as good as 0 none passes, for the root of Adam's second moment has none there.

    Reference: Metz et al. 2017, Eq. 7 to 12; poolio/unrolled_gan (its notebook unrolls five steps of Adam).
    """

    draws = 1
    no_round = "depends on more of the costs than their field"

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        unrolling: Unrolling = 5,
        lookahead: NonNegative = 0.1,
        inner: Inner = "descent",
    ):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers, self.unrolling, self.inner = Hyperparameters(lookahead=lookahead), unrolling, inner
        self.gradients, self.products = unrolling + 2, unrolling

    def extra_repr(self) -> str:
        return f"unrolling={self.unrolling}, inner={self.inner}"

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch = pick(batches, 0)

        def unrolled(own: "Tree") -> "tuple[Tensor, Tree]":
            players, kept = {**point.players, "generator": own}, memory["discriminator"]
            for _ in range(self.unrolling):
                slope = stake(problem, Point(players, point.state), batch, "discriminator", "discriminator")
                if self.inner == "rule":
                    step, kept = self.rule("discriminator").extrapolate(_passing(slope), kept)
                else:
                    step = trees.scale(slope, -self.numbers.lookahead)
                there = self.moved("discriminator", players["discriminator"], step)
                players = {**players, "discriminator": there}
            return problem.loss("generator", Point(players, point.state), batch, advance=True)

        gradient, (cost, state) = grad_and_value(unrolled, has_aux=True)(point.players["generator"])
        priced = {
            "discriminator": problem.gradient("discriminator", point, batch),
            "generator": PlayerGradient(gradient, cost, state),
        }
        return self.play(point, priced, memory)


def _passing(slope: Tree) -> Tree:
    """The same numbers, through which a derivative passes where their squares are not lost in rounding to 0."""
    return {k: torch.where(v.abs() < torch.finfo(v.dtype).tiny ** 0.4, v.detach(), v) for k, v in slope.items()}
