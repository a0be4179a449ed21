"""Averages of a player's parameters under any solver. Abstract: `EMA` and `PolyakAverage` define the weights."""

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Hyperparameters, Point, Tree, checks_arguments
from nashpath.core.contracts import gives, no_scalar
from nashpath.solvers.base import Info, Memory, Solver
from nashpath.solvers.wrapping import Wrapping

RUNNING = (".running_mean", ".running_var")
"""How names of running statistics end, in PyTorch's normalisation layers and in the package's."""


class WeightAveraging(Wrapping):
    """A solver that also keeps the average ``a ← a + share · (θ − a)``, ``a₀ = θ₀``, of one player.

    Sampling and metrics use the average; play does not. The player's running means and variances (of batch
    normalisation) are averaged with the same shares, so that the average has statistics of its own; other state, as the
    vectors of spectral normalisation, is that of the present network. Wrap twice, with another ``player``, to average
    both; the setting ``average.player=all`` does. A toy's distance and path are of the averages where all are kept.
    """

    def __init__(self, solver: Solver, player: str, **numbers: float):
        super().__init__(solver)
        self.player, self.numbers = player, Hyperparameters(**numbers)

    @gives(no_scalar, pure=True)
    def share(self, count: Tensor) -> Tensor:
        """The weight, in (0, 1], of the iterate after step ``count`` = 1, 2, …"""
        raise NotImplementedError

    def check(self, problem: FunctionalGame) -> None:
        super().check(problem)
        if self.player not in problem.players:
            raise ValueError(
                f"player: no player is called {self.player!r} to average; players: {', '.join(problem.players)}"
            )

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        self.check(problem)
        average = {k: v.clone() for k, v in point.players[self.player].items()}
        count = torch.zeros((), device=next(iter(average.values())).device)
        statistics = {k: v.clone() for k, v in self._running(point).items()}
        kept = {"average": average, "count": count, "statistics": statistics}
        return {"solver": self.solver.init(problem, point), **kept}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        point, kept, info = self.solver(problem, point, memory["solver"], batches)
        count, present = memory["count"] + 1, point.players[self.player]
        share = self.share(count)
        average = self._nearer(memory["average"], present, share)
        statistics = self._nearer(memory["statistics"], self._running(point), share)
        return point, {"solver": kept, "average": average, "count": count, "statistics": statistics}, info

    def _nearer(self, average: Tree, present: Tree, share: Tensor) -> Tree:
        return {k: v + share * (present[k] - v) for k, v in average.items()}

    def _running(self, point: Point) -> Tree:
        """The running statistics of the player's normalisation layers, by their names in the state."""
        own = f"{self.player}."
        return {k: v for k, v in point.state.items() if k.startswith(own) and k.endswith(RUNNING)}

    def averages(self, memory: Memory) -> dict[str, Tree]:
        return {**super().averages(memory), self.player: memory["average"]}

    def statistics(self, memory: Memory) -> Tree:
        return {**super().statistics(memory), **memory["statistics"]}


@checks_arguments
def unchanged(solver: Solver) -> Solver:
    """Leaves the solver as it is.

    Reference: none is needed.
    """
    return solver
