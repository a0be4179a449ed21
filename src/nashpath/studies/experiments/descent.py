"""Games of one player are plain minimisation."""

from nashpath.core import Batch, Point, Problem, pick
from nashpath.solvers import Rule, Solver
from nashpath.solvers.base import Info, Memory, price_all


class Descent(Solver):
    """Each step moves the one player, called generator, by its rule."""

    gradients = 1

    def __init__(self, generator: Rule):
        super().__init__(generator=generator)

    def forward(self, problem: Problem, point: Point, memory: Memory, batches: Batch) -> tuple[Point, Memory, Info]:
        return self.play(point, price_all(problem, point, pick(batches, 0)), memory)
