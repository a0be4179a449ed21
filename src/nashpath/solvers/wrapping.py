"""A solver around another one. Abstract: `WeightAveraging`, `Constrained`, `Lookahead` and `Rollback` are such."""

from nashpath.core import FunctionalGame, Tree
from nashpath.core.torch_compat import with_child
from nashpath.solvers.base import Memory, Solver, UpdateRule


class Wrapping(Solver):
    """A solver that plays through another one, ``solver``: what that one is asked for, or costs, is handed on.

    Its memory is a dict whose entry ``solver`` is the other's; who keeps it elsewhere says so in `inner`.
    """

    solver: Solver

    def __init__(self, solver: Solver):
        super().__init__()
        self.solver = solver
        self.hand_on()

    def hand_on(self) -> None:
        """Costs what the other solver does, and its round is as linear."""
        for name in ("draws", "gradients", "products", "period", "spectral", "no_round", "local"):
            setattr(self, name, getattr(self.solver, name))

    def inner(self, memory: Memory) -> Memory:
        """The other solver's memory, out of this one's."""
        return memory["solver"]

    def rule(self, player: str) -> UpdateRule:
        return self.solver.rule(player)

    def rule_memory(self, memory: Memory, player: str) -> Memory:
        return self.solver.rule_memory(self.inner(memory), player)

    def unwrapped(self, memory: Memory) -> tuple[Solver, Memory]:
        return self.solver.unwrapped(self.inner(memory))

    def around(self, other: Solver) -> Solver:
        return self.holding(self.solver.around(other))

    def holding(self, solver: Solver) -> "Wrapping":
        """The same wrapping, its numbers shared, around ``solver`` itself."""
        wrapping = with_child(self, "solver", solver)
        wrapping.hand_on()
        return wrapping

    def within(self, player: str, params: Tree) -> Tree:
        return self.solver.within(player, params)

    def settled(self, memory: Memory) -> Memory:
        return {**memory, "solver": self.solver.settled(self.inner(memory))}

    def check(self, problem: FunctionalGame) -> None:
        self.solver.check(problem)

    def averages(self, memory: Memory) -> dict[str, Tree]:
        return self.solver.averages(self.inner(memory))

    def at_width(self, width: float) -> None:
        self.solver.at_width(width)

    def statistics(self, memory: Memory) -> Tree:
        return self.solver.statistics(self.inner(memory))
