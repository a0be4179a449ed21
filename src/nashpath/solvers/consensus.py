"""Descend on the size of the field, too."""

from nashpath.core import Batch, FunctionalGame, Hyperparameters, NonNegative, Point, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule
from nashpath.solvers.derivatives import energy


class Consensus(Solver):
    """Consensus optimisation: every player also pays for ``½‖v‖²``, the squared length of the game's field.

    ::

        θ_i ← θ_i + rule_i(v_i + weight · ∇_i ½‖v‖²),   v = (∇_1 J_1, …, ∇_n J_n),   ∇ ½‖v‖² = Jᵀv

    On a bilinear game the rate is ``sqrt((1 − h·weight)² + h²)``. Any stationary point attracts it, also a maximum. The
    reported costs and gradient norms are those of the game itself.

    Reference: Mescheder et al. 2017, Algorithm 2.
    """

    draws = 1
    gradients = 2
    products = 2

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule, weight: NonNegative = 0.1):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers = Hyperparameters(weight=weight)

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        slope, priced = energy(problem, point, pick(batches, 0))
        adjusted = {who: trees.add(p.gradient, slope[who], self.numbers.weight) for who, p in priced.items()}
        return self.play(point, priced, memory, adjusted)
