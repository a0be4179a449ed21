"""Weight clipping of one player under any solver."""

from nashpath.core import Batch, FunctionalGame, Hyperparameters, Point, Positive, Tree
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule


class Clipped(Solver):
    """Clips every weight of the discriminator into [−bound, bound] after each step of any solver: weight clipping.

    ::

        θ_D ← max(−bound, min(bound, θ_D)),   at the start and after every step

    A projection, not a penalty: it changes no gradient, and batch normalisation is allowed. The start is clipped by
    the first step. With ``discriminator_steps`` = k > 1 the paper clips after each of the k turns, this clips once,
    after the generator's turn; in between a weight is outside by at most k moves of its rule.

    Raises `ValueError` where the game has no such player.

    Reference: Arjovsky et al. 2017, Algorithm 1 (bound 0.01, with RMSProp at 5e-5 and 5 critic turns).
    """

    def __init__(self, solver: Solver, bound: Positive = 0.01, player: str = "discriminator"):
        super().__init__()
        self.solver, self.player, self.numbers = solver, player, Hyperparameters(bound=bound)
        self.draws, self.gradients, self.products = solver.draws, solver.gradients, solver.products

    def rule(self, player: str) -> UpdateRule:
        return self.solver.rule(player)

    def unwrapped(self, memory: Memory) -> tuple[Solver, Memory]:
        return self.solver.unwrapped(memory)

    def check(self, problem: FunctionalGame) -> None:
        self.solver.check(problem)

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        if self.player not in point.players:
            raise ValueError(f"no player is called {self.player!r} to clip; players: {', '.join(point.players)}")
        return self.solver.init(problem, point)

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        point, memory, info = self.solver(problem, self.project(point), memory, batches)
        return self.project(point), memory, info

    def project(self, point: Point) -> Point:
        """The nearest point with the player's weights inside the box."""
        bound = self.numbers.bound
        inside = {k: v.clamp(-bound, bound) for k, v in point.players[self.player].items()}
        return Point({**point.players, self.player: inside}, point.state)

    def averages(self, memory: Memory) -> dict[str, Tree]:
        return self.solver.averages(memory)
