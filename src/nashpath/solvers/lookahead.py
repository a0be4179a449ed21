"""Lookahead around an inner solver."""

from typing import Literal

import torch

from nashpath.core import Batch, Count, Fraction, FunctionalGame, Hyperparameters, Point, Table, Tree
from nashpath.solvers.alternating import Alternating
from nashpath.solvers.base import Info, Memory, Solver, UpdateRule
from nashpath.solvers.extragradient import Extragradient
from nashpath.solvers.optimistic import Optimistic
from nashpath.solvers.simultaneous import Simultaneous
from nashpath.solvers.wrapping import Wrapping

Inner = Literal["alternating", "simultaneous", "extragradient", "optimistic"]

_INNER = Table(
    "inner solver",
    {
        "alternating": Alternating,
        "simultaneous": Simultaneous,
        "extragradient": Extragradient,
        "optimistic": Optimistic,
    },
)


class Lookahead(Wrapping):
    """Lookahead-minmax: after every ``period`` steps of an inner solver all players return part of the way.

    ::

        every ``period`` steps:   θ ← φ + weight · (θ − φ),   φ ← θ,   φ₀ = θ₀

    All players return at the same time. The inner solver's memory runs on. Where the inner step is linear with
    eigenvalue λ, ``period`` = k steps have eigenvalue ``1 − weight + weight · λᵏ``.

    Reference: Chavdarova et al. 2021, Algorithm 1 (LA-AltGAN, and LA-ExtraGrad with ``inner`` extragradient).
    """

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        weight: Fraction = 0.5,
        period: Count = 5,
        inner: Inner = "alternating",
    ):
        super().__init__(_INNER[inner](discriminator, generator))
        self.numbers, self.period = Hyperparameters(weight=weight), period

    def extra_repr(self) -> str:
        return f"period={self.period}"

    def unwrapped(self, memory: Memory) -> tuple[Solver, Memory]:
        return self, memory  # it moves the players, too

    def around(self, other: Solver) -> Solver:
        return other

    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        anchor = {who: {k: v.clone() for k, v in params.items()} for who, params in point.players.items()}
        inner = self.solver.init(problem, point)
        device = next(iter(anchor["generator"].values())).device
        return {"solver": inner, "anchor": anchor, "count": torch.zeros((), device=device)}

    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        point, inner, info = self.solver(problem, point, memory["solver"], batches)
        count = memory["count"] + 1
        home = count == self.period
        weight = self.numbers.weight
        players: dict[str, Tree] = {}
        anchor: dict[str, Tree] = {}
        for who, params in point.players.items():
            slow: Tree = memory["anchor"][who]
            players[who] = {k: torch.where(home, slow[k] + weight * (v - slow[k]), v) for k, v in params.items()}
            anchor[who] = {k: torch.where(home, v, slow[k]) for k, v in players[who].items()}
        memory = {"solver": inner, "anchor": anchor, "count": torch.where(home, torch.zeros_like(count), count)}
        return Point(players, point.state), memory, info
