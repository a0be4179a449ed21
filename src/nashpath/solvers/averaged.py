"""Averages of a player's parameters, kept beside any solver."""

from nashpath.core import Batch, Decay, Numbers, Point, Problem, Tree
from nashpath.solvers.base import Info, Memory, Solver


class Averaged(Solver):
    """Keeps an exponential moving average of the generator beside any solver; sampling and metrics use it.

    ::

        a ← decay · a + (1 − decay) · θ_G,   a₀ = θ_G

    The average starts at the present parameters, so short runs are not pulled to zero. Running statistics of
    normalisation layers are taken from the present network.

    Reference: Yazıcı et al. 2019, Sec. 3.1.
    """

    def __init__(self, solver: Solver, decay: Decay = 0.999, player: str = "generator"):
        super().__init__()
        self.solver, self.ema, self.player = solver, Numbers(decay=decay), player
        self.draws, self.gradients = solver.draws, solver.gradients

    def check(self, problem: Problem) -> None:
        self.solver.check(problem)

    def init(self, problem: Problem, point: Point) -> Memory:
        average = {k: v.clone() for k, v in point.players[self.player].items()}
        return {"solver": self.solver.init(problem, point), "average": average}

    def forward(self, problem: Problem, point: Point, memory: Memory, batches: Batch) -> tuple[Point, Memory, Info]:
        point, kept, info = self.solver(problem, point, memory["solver"], batches)
        decay, present = self.ema.decay, point.players[self.player]
        average = {k: present[k] + decay * (v - present[k]) for k, v in memory["average"].items()}
        return point, {"solver": kept, "average": average}, info

    def averages(self, memory: Memory) -> dict[str, Tree]:
        return {**self.solver.averages(memory["solver"]), self.player: memory["average"]}
