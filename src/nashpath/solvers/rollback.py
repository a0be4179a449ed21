"""What to do when a player leaves the finite numbers: go back, and go on more slowly."""

import copy

import torch
from torch import Tensor
from torch.func import functional_call

from nashpath.core import Batch, FunctionalGame, Point, tree_map
from nashpath.core.tree import finite
from nashpath.solvers.base import Info, Memory
from nashpath.solvers.wrapping import Wrapping

EVERY = 50
"""Steps between two points that are remembered."""
MOST = 5
"""After so many ways back the next divergence is left as it is."""
SHARE = 0.5
"""Each way back multiplies every learning rate by this."""


class Rollback(Wrapping):
    """A solver that goes back to its last good point, at half the rates, where its step leaves the finite numbers.

    A good point is kept every `EVERY` steps. After `MOST` ways back the next step that is not finite is handed on as it
    is, so no run goes on for ever; rates stay lowered. The batches of a step that was undone are not drawn again. All
    of it is memory: it stacks, compiles, and is resumed exactly. Of a step that was undone nothing can be told:
    ``undone`` is 1, and all else 0 but ``rollbacks``, which counts them. Raises `ValueError` where the solver does not
    bear the lowest of those rates.
    """

    def check(self, problem: FunctionalGame) -> None:
        super().check(problem)
        slowest = copy.deepcopy(self.solver)
        for rate in slowest.learning_rates().values():
            rate.mul_(SHARE**MOST)
        try:
            slowest.check(problem)
        except ValueError as error:
            raise ValueError(
                f"on_divergence=rollback multiplies learning rates by {SHARE:g} up to {MOST} times; then {error}; or "
                "do without rollback"
            ) from error

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        inner = self.solver.init(problem, point)
        zero = torch.zeros((), device=next(v for own in point.players.values() for v in own.values()).device)
        good = tree_map(torch.clone, (point.players, point.state, inner))
        return {"solver": inner, "good": good, "factor": zero + 1, "rollbacks": zero, "since": zero.clone()}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        rates = {k: v * memory["factor"] for k, v in self.solver.learning_rates().items()}
        given = (problem, point, memory["solver"], batches)
        taken: tuple[Point, Memory, Info] = functional_call(self.solver, rates, given, tie_weights=False)
        reached, inner, info = taken
        sound = torch.stack([torch.isfinite(v).all() for v in info.values()]).all() & finite(reached.players)
        back = ~sound & (memory["rollbacks"] < MOST)
        keep = sound & (memory["since"] + 1 >= EVERY)

        def undone(new: "Tensor", old: "Tensor") -> "Tensor":
            return torch.where(back, old, new)

        def kept(new: "Tensor", old: "Tensor") -> "Tensor":
            return torch.where(keep, new, old)

        players, state, inner = tree_map(undone, (reached.players, reached.state, inner), memory["good"])
        after = {
            "solver": inner,
            "good": tree_map(kept, (players, state, inner), memory["good"]),
            "factor": torch.where(back, memory["factor"] * SHARE, memory["factor"]),
            "rollbacks": memory["rollbacks"] + back,
            "since": torch.where(back | keep, 0.0, memory["since"] + 1),
        }
        told: Info = {k: torch.where(back, torch.zeros_like(v), v) for k, v in info.items()}
        return Point(players, state), after, {**told, "rollbacks": memory["rollbacks"] + back, "undone": back.float()}

    def settled(self, memory: Memory) -> Memory:
        for rate in self.solver.learning_rates().values():
            rate.mul_(memory["factor"])
        return super().settled({**memory, "factor": torch.ones_like(memory["factor"])})


def rollbacks(memory: Memory) -> int:
    """How often a member went back; 0 under other solvers."""
    return int(memory.get("rollbacks", 0))
