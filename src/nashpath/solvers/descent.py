"""Gradient descent for one player."""

from nashpath.core import Batch, FunctionalGame, Point, pick
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all


class SinglePlayer(Solver):
    """Descent in a game of one player: a critic judged alone, a generator before a known ratio.

    ::

        θ ← θ + rule(∇ J(θ))

    ``player`` is the player's name in the game.

    Reference: Cauchy 1847, "Méthode générale pour la résolution des systèmes d'équations simultanées".
    """

    draws = gradients = 1

    def __init__(self, player: str, rule: UpdateRule):
        super().__init__(**{player: rule})

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        return self.play(point, price_all(problem, point, pick(batches, 0)), memory)
