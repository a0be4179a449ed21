"""Any solver near a point: played on a game whose field is exactly ``J z``, it tells what one of its rounds does.

No solver has to know its own linear part: a linear game is a game, so the solver's own step is taken on it.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from nashpath.core import (
    Batch,
    DataSweep,
    FunctionalGame,
    Game,
    Key,
    Number,
    PlayerGradient,
    Point,
    Tree,
    point_of,
    tree_map,
)
from nashpath.core.torch_compat import call_with
from nashpath.core.tree import leaves
from nashpath.diagnostics.linearised import Product, blocks_of
from nashpath.diagnostics.stable_step import Matrix
from nashpath.solvers import SGD, Solver, UpdateRule
from nashpath.solvers.base import LinearPart, Memory

SMALL = 1e-4
"""The displacement whose image is taken where a solver adapts or bends its steps: there they do not change by it."""

LINEAR = 1e-3
"""Tolerance of linearity: relative distance of a displacement's image from the sum of its parts' images."""


class LinearGame(Game):
    """A game whose field is ``J z``: every player's cost is quadratic in its own strategy ``z_i``.

    ::

        J_i(z) = ½ z_iᵀ J_ii z_i + z_iᵀ Σ_{j≠i} J_ij z_j

    ``jacobian`` is [n, n] and ``sizes`` the dimension of each player, in the order of its rows; each J_ii is symmetric.
    """

    def __init__(self, jacobian: Tensor, sizes: Mapping[str, int]):
        super().__init__()
        self.players = tuple(sizes)
        self.blocks = blocks_of(sizes)
        for who, size in sizes.items():
            self.add_module(who, _Strategy(torch.zeros(size, dtype=jacobian.dtype)))
        self.register_buffer("jacobian", jacobian)

    @property
    def sweep(self) -> DataSweep:
        return DataSweep(1, 1)

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        return {"nothing": torch.zeros(lead)}

    def forward(self, player: str, batch: Batch) -> Tensor:
        z: dict[str, Any] = {who: self.get_submodule(who).value for who in self.players}
        rows: Any = self.jacobian[self.blocks[player]]  # type: ignore[index]
        pulls = [rows[:, self.blocks[who]] @ z[who] * (0.5 if who == player else 1.0) for who in self.players]
        return z[player] @ torch.stack(pulls).sum(0)


class _Strategy(nn.Module):
    def __init__(self, value: Tensor):
        super().__init__()
        self.value = nn.Parameter(value)


class LinearRule(UpdateRule):
    """A rule whose memory of second moments stays as it is: linear in the gradient.

    ::

        m ← decay · m + g,   move = −learning_rate · scale · m
    """

    def __init__(self, learning_rate: Number, decay: Number, scale: Tensor):
        super().__init__(learning_rate, decay=decay)
        self.register_buffer("scale", scale)
        self.remembers = float(decay) != 0

    def init(self, params: Tree) -> Memory:
        return {} if not self.remembers else {k: torch.zeros_like(v) for k, v in params.items()}

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        kept = {k: self.decay * memory[k] + g for k, g in gradient.items()} if self.remembers else gradient
        return {k: -self.learning_rate * self.scale * m for k, m in kept.items()}, kept if self.remembers else memory


class LinearPlay:
    """The action of one round of ``solver``, with ``memory``, on a small displacement from a point.

    A round is `Solver.period` steps. Raises `ValueError` for a rule that has no linear part; and so does asking it, for
    a solver whose round is no linear map.
    """

    def __init__(self, solver: Solver, memory: Memory, players: Mapping[str, Tree]):
        inner, self.memory = solver.unwrapped(memory)
        self.players = players
        parts = {who: linear_part(inner, self.memory, who) for who in players}
        self.rates = {who: float(inner.rule(who).rate(inner.rule_memory(self.memory, who))) for who in players}
        missing = [type(inner.rule(who)).__name__ for who, part in parts.items() if part is None]
        if missing:
            raise ValueError(f"the step of the rule {missing[0]} is no linear map of the gradient")
        self.solver = copy.deepcopy(inner).double().cpu()
        self.solver.requires_grad_(False)
        self.spectral = inner.spectral and len({_form(part) for part in parts.values()}) == 1
        self._parts = {who: part for who, part in parts.items() if part is not None}
        scales = [v for part in self._parts.values() for v in (part.scale or {}).values()]
        if not all(bool(torch.isfinite(v).all()) for v in [*scales, torch.tensor([*self.rates.values()])]):
            raise ValueError("the rules have taken no step yet")

    @property
    def plain(self) -> bool:
        """Whether every rule is plain descent: then a round has no more dimensions than the game, or twice as many."""
        return all(part.scale is None and float(part.decay) == 0 for part in self._parts.values())

    @property
    def kind(self) -> type[Solver]:
        """The class of the solver."""
        return type(self.solver)

    def unit(self) -> "LinearPlay":
        """The same play with all rates 1: for Jacobians whose rows hold the rates."""
        other = copy.copy(self)
        other.rates = dict.fromkeys(self.rates, 1.0)
        return other

    def unscaled(self) -> "LinearPlay":
        """The same play where every parameter has its player's step, not one of its own."""
        other = copy.copy(self)
        other._parts = {who: part._replace(scale=None, gain=1.0) for who, part in self._parts.items()}
        return other

    def alike(self, kind: type[Solver]) -> "LinearPlay":
        """Play of the same rules by another solver, with its default settings."""
        other = copy.copy(self)
        rules = {who: LinearRule(0.0, 0.0, torch.ones(())) for who in self.players}
        other.solver, other.memory = kind(**rules).double(), {}
        other.spectral = kind.spectral and len({_form(part) for part in self._parts.values()}) == 1
        return other

    def matrix(self, jacobian: Matrix, sizes: Mapping[str, int], h: float = 1.0) -> Matrix:
        """The round on a field ``jacobian @ z`` as a matrix over strategies and what the solver remembers of them."""
        return self.matrices(jacobian, sizes, np.array([h]))[0]

    def matrices(self, jacobian: Matrix, sizes: Mapping[str, int], hs: Matrix) -> Matrix:
        """`matrix` at several multiples ``hs`` of the rates, all computed together, [len(hs), n, n]."""
        self._check_round()
        game = LinearGame(torch.from_numpy(np.ascontiguousarray(jacobian)).double(), sizes)
        problem, batches = FunctionalGame(game), game.draw(Key(0), (self.solver.draws,))
        solver, point, memory = self._start(problem, sizes, 1.0, point_of(game))
        turn, zero = _flat_step(solver, problem, point, memory, batches)
        size = SMALL if solver.preconditioner or solver.local else 1.0
        probe = torch.linspace(-1, 1, len(zero), dtype=torch.float64).cos() - 0.7
        asked = torch.cat([torch.eye(len(zero), dtype=torch.float64), probe[None], zero[None]]) * size
        with torch.no_grad():
            images = vmap(vmap(turn, (0, None), chunk_size=256), (None, 0))(asked, torch.from_numpy(hs).double())
        found = ((images[:, :-2] - images[:, -1:]) / size).mT
        seen = (images[:, -2] - images[:, -1]) / size
        off = (found @ probe - seen).abs().amax(1)
        if (off > LINEAR * seen.abs().amax(1)).any():
            raise ValueError(f"one round of {self.solver.label()} play is no linear map of the displacement")
        return found.numpy()

    def apply(self, product: Product, like: Tensor, sizes: Mapping[str, int], h: float) -> tuple[Product, Tensor]:
        """The same without the matrix, where ``product`` is ``v ↦ J v`` for flat vectors like ``like``."""
        self._check_round()
        problem: Any = _Products(product, sizes)
        z = {who: {"value": torch.zeros(n).to(like)} for who, n in sizes.items()}
        solver, point, memory = self._start(problem, sizes, h, Point(z, {}))
        solver = solver.to(like)
        memory = tree_map(lambda v: v.to(like) if v.is_floating_point() else v, memory)
        turn, zero = _flat_step(solver, problem, point, memory, {"nothing": torch.zeros(solver.draws)})
        one = torch.ones((), dtype=like.dtype)
        rest = turn(zero, one)
        return lambda v: turn(v, one) - rest, zero

    def _start(
        self, problem: FunctionalGame, sizes: Mapping[str, int], h: float, point: Point
    ) -> tuple[Solver, Point, Memory]:
        """The solver with linear rules at rates times h, and its memory after one step at rest."""
        solver, blocks = copy.deepcopy(self.solver), blocks_of(sizes)
        for module in [m for m in solver.modules() if isinstance(m, Solver) and len(m.rules)]:
            for who, part in self._parts.items():
                scale = float(part.gain) * self._scale(who, part, blocks[who])
                module.rules[who] = LinearRule(h * self.rates[who], float(part.decay), scale).double()
        memory = solver.init(problem, point)
        _, memory, _ = solver(problem, point, memory, {"nothing": torch.zeros(solver.draws)})
        own = {k: self._flat(self.memory[k]) for k in solver.preconditioner if k in self.memory}
        return solver, point, {**memory, **own} if own else memory

    def _check_round(self) -> None:
        if self.solver.no_round:
            raise ValueError(f"{self.solver.label()} play {self.solver.no_round}")

    def _scale(self, who: str, part: LinearPart, block: slice) -> Tensor:
        size = block.stop - block.start
        if part.scale is None:
            return torch.ones(size, dtype=torch.float64)
        flat = torch.cat([part.scale[k].reshape(-1) for k in self.players[who]]).double().cpu()
        if len(flat) != size:  # asked about one direction of a stack of them: steps of another size have no meaning
            raise ValueError(f"the {who}'s steps differ from parameter to parameter")
        return flat

    def _flat(self, kept: Any) -> Any:
        """A solver's memory, with trees by player and parameter as one vector a player; other tensors unchanged."""
        if not isinstance(kept, dict):
            return kept.double().cpu()
        return {
            who: {"value": torch.cat([kept[who][k].reshape(-1) for k in own]).double().cpu()}
            for who, own in self.players.items()
        }


def linear_part(solver: Solver, memory: Memory, player: str) -> LinearPart | None:
    """The linear part of one player's rule, with ``memory`` that of the solver."""
    return solver.rule(player).linear(solver.rule_memory(memory, player))


def _form(part: LinearPart | None) -> Any:
    """What must be equal for players to move alike, apart from a rate: rates are in the rows of the Jacobian."""
    return None if part is None else (float(part.decay), part.scale is None or object())


class _Products:
    """A linear game known by its products: enough for solvers that ask for gradients only."""

    def __init__(self, product: Product, sizes: Mapping[str, int]):
        self.product, self.blocks, self.players = product, blocks_of(sizes), tuple(sizes)

    def gradient(self, player: str, point: Point, batch: Batch) -> PlayerGradient:
        z = torch.cat([point.players[who]["value"] for who in self.players])
        slope = self.product(z)[self.blocks[player]]
        return PlayerGradient({"value": slope}, z.new_zeros(()), {})

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"a game known by products has no {name}; the solver asks for more than gradients")


def _flat_step(
    solver: Solver, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
) -> tuple[Callable[[Tensor, Tensor], Tensor], Tensor]:
    """One round as a map of flat vectors and a factor on the rates; counters and scales stay. And where it is at rest.

    A vector has the strategies, then what the solver remembers of them.
    """
    held = {k: memory[k] for k in solver.preconditioner if k in memory}
    moving = {"players": point.players, "memory": {k: v for k, v in memory.items() if k not in held}}
    like = leaves(moving)
    vectors = [v.dim() > 0 and v.is_floating_point() for v in like]
    rates = solver.learning_rates()

    def turn(flat: Tensor, h: Tensor) -> Tensor:
        parts = iter(torch.split(flat, [v.numel() for v, is_vector in zip(like, vectors) if is_vector]))
        values = iter([next(parts).view(v.shape) if is_vector else v for v, is_vector in zip(like, vectors)])
        now = tree_map(lambda _: next(values), moving)
        at, kept = Point(now["players"], point.state), {**now["memory"], **held}
        scaled = {name: h * rate for name, rate in rates.items()}
        for _ in range(solver.period):
            at, kept, _ = call_with(solver, scaled, (problem, at, kept, batches))
        after = {"players": at.players, "memory": {k: v for k, v in kept.items() if k not in held}}
        return torch.cat([v.reshape(-1) for v, is_vector in zip(leaves(after), vectors) if is_vector])

    return turn, torch.cat([torch.zeros_like(v).reshape(-1) for v, is_vector in zip(like, vectors) if is_vector])


def unit_plays(kinds: Iterable[type[Solver]], game: Game) -> dict[str, LinearPlay]:
    """Plain descent with rate 1 by each solver in a game, by the solver's label."""
    point, plays = point_of(game), {}
    for kind in kinds:
        solver = kind(**{who: SGD(1.0) for who in game.players})
        plays[kind.label()] = LinearPlay(solver, solver.init(FunctionalGame(game), point), point.players)
    return plays
