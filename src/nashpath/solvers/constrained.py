"""Constraints on a player's parameters under any solver. Abstract: `Clipped` defines the set."""

from nashpath.core import Batch, FunctionalGame, Hyperparameters, Point, Tree
from nashpath.core.contracts import gives, other_form
from nashpath.solvers.base import Info, Memory, Solver
from nashpath.solvers.wrapping import Wrapping


def _no_projection(result: object, constraint: "Constrained", params: Tree) -> str:
    wrong = other_form(params, result, "params")
    return f"returns other parameters than it is given: {wrong}" if wrong else ""


class Constrained(Wrapping):
    """A solver that projects one player's parameters onto a set, at the start and after each of that player's moves.

    Every move, and so every point at which the game is asked: each of k turns of alternating play, the look-ahead of
    extragradient and its step, the adjusted steps of the other solvers. So no player ever meets parameters outside the
    set. A rule's memory is that of its gradients; it does not know of the projection. Raises `ValueError` where the
    game has no such player.
    """

    def __init__(self, solver: Solver, player: str, **numbers: float):
        super().__init__(solver)
        self.player, self.numbers = player, Hyperparameters(**numbers)
        self.solver = solver.constrained(player, self.project)

    def inner(self, memory: Memory) -> Memory:
        return memory

    @gives(_no_projection, pure=True)
    def project(self, params: Tree) -> Tree:
        """The parameters of the player in the set, nearest to ``params``."""
        raise NotImplementedError

    def unwrapped(self, memory: Memory) -> tuple[Solver, Memory]:
        solver, memory = self.solver.unwrapped(memory)
        return solver.unconstrained(), memory

    def around(self, other: Solver) -> Solver:
        return self.holding(self.solver.around(other).constrained(self.player, self.project))

    def settled(self, memory: Memory) -> Memory:
        return self.solver.settled(memory)

    def check(self, problem: FunctionalGame) -> None:
        super().check(problem)
        if self.player not in problem.players:
            players = ", ".join(problem.players)
            raise ValueError(f"player: no player is called {self.player!r} to constrain; players: {players}")

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        self.check(problem)
        return self.solver.init(problem, self.inside(point))

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        point, memory, info = self.solver(problem, self.inside(point), memory, batches)
        return self.inside(point), memory, info  # a solver of one's own may move players by itself

    def inside(self, point: Point) -> Point:
        """The point with the player's parameters projected."""
        return Point({**point.players, self.player: self.project(point.players[self.player])}, point.state)
