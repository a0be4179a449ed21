"""Everybody moves at once."""

from nashpath.core import Batch, FunctionalGame, Point, pick
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all


class Simultaneous(Solver):
    """Simultaneous gradient descent: every player moves from the same point, on the same batch.

    ::

        θ_i ← θ_i + rule_i(∇_i J_i(θ)),   all i at the old θ

    On a bilinear game with learning rate h it leaves the equilibrium at the rate ``sqrt(1 + h²)`` a step.

    Reference: Mescheder et al. 2017, Algorithm 1.
    """

    draws = 1
    gradients = 2
    spectral = True

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule):
        super().__init__(discriminator=discriminator, generator=generator)

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        return self.play(point, price_all(problem, point, pick(batches, 0)), memory)
