"""Learning with opponent-learning awareness (LOLA)."""

from nashpath.core import Batch, FunctionalGame, Hyperparameters, NonNegative, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule, price_all
from nashpath.solvers.derivatives import mixed_product, settled, stake


class LOLA(Solver):
    """Learning with opponent-learning awareness: each player accounts for the opponent's next gradient step.

    ::

        rule_i sees  ∇_i J_i − lookahead · ∂_i ⟨∂_j J_j, c⟩,   c = ∂_j J_i held fixed

    That is the first-order effect, on ``J_i``, of how ``θ_i`` steers the opponent's step ``−lookahead · ∂_j J_j``. On a
    bilinear game the rate is ``sqrt((1 − h·lookahead)² + h²)``.

    Reference: Foerster et al. 2018, Sec. 4.1 (exact gradients).
    """

    draws = 1
    gradients = 4
    products = 2
    no_round = "depends on more of the costs than their field"

    def __init__(self, discriminator: UpdateRule, generator: UpdateRule, lookahead: NonNegative = 0.01):
        super().__init__(discriminator=discriminator, generator=generator)
        self.numbers = Hyperparameters(lookahead=lookahead)

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        batch = pick(batches, 0)
        priced = price_all(problem, point, batch)
        at = settled(point, priced)
        shaped: dict[str, Tree] = {}
        one, two = problem.players
        for i, j in {one: two, two: one}.items():
            gain = stake(problem, at, batch, i, j)
            steer = mixed_product(problem, at, batch, {j: 1.0}, inner=j, outer=i)(gain)
            shaped[i] = trees.add(priced[i].gradient, steer, -self.numbers.lookahead)
        return self.play(point, priced, memory, shaped)
