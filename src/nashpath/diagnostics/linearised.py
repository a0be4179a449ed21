"""A game near a point, as products with its second derivatives: nothing larger than a parameter vector is formed.

All is reverse mode over reverse mode, because forward mode is missing for some layers. Graphs are built once, on first
use; each product is one backward pass. ``Jᵀu`` needs the field's graph only; ``Jv`` needs each player's whole Hessian
(``(Jv)_i = (H_i v)_i``), so what J and Jᵀ share (the spectrum) is asked of Jᵀ.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import grad, vjp, vmap

from nashpath.core import Batch, FunctionalGame, Point, Tree, pick, tree_map
from nashpath.diagnostics.base import flatten

Product = Callable[[Tensor], Tensor]
CHUNK = 64


FORMED = 1500
"""Up to this many parameters the Jacobian is formed whole and solved with, and every direction of a player is asked."""
BESIDE = 1e-2
"""The share of ``1 + ‖θ_i‖`` at which a field is asked beside a point."""
KINK = 1e-5
"""The share of ``1 + ‖θ‖`` within which a kink is looked for."""


class Linearised:
    """The field ξ and its Jacobian ``J = ∂ξ/∂θ`` at a point, on the mean over ``draws`` batches.

    ``rates`` (a learning rate a player, default 1) multiply the players' rows, so that one step of gradient descent is
    ``θ − ξ`` and its linear part ``I − J``. Vectors are flat over all players, in the order of ``problem.players``.
    ``tolerance`` is the relative accuracy asked of iterative eigen-solvers.
    """

    def __init__(
        self,
        problem: FunctionalGame,
        point: Point,
        batches: Batch,
        draws: int = 1,
        rates: dict[str, float] | None = None,
        tolerance: float = 1e-5,
    ):
        self.problem, self.draws, self.batches, self.tolerance = problem, draws, batches, tolerance
        self.point = Point({who: point.players[who] for who in problem.players}, point.state)
        self.vector = flatten(self.point.players).detach()
        self.sizes = {who: sum(v.numel() for v in own.values()) for who, own in self.point.players.items()}
        self.size = len(self.vector)
        given = rates or {}
        scale = [torch.full((n,), float(given.get(who, 1.0))) for who, n in self.sizes.items()]
        self.rates = torch.cat(scale).to(self.vector)

    def block(self, player: str) -> slice:
        """Where one player's parameters lie in the flat vector."""
        return blocks_of(self.sizes)[player]

    def _players(self, vector: Tensor) -> dict[str, Tree]:
        shapes = [v for own in self.point.players.values() for v in own.values()]
        parts = iter(torch.split(vector, [v.numel() for v in shapes]))
        return {who: {k: next(parts).view(v.shape) for k, v in own.items()} for who, own in self.point.players.items()}

    def cost(self, player: str, vector: Tensor) -> Tensor:
        """The player's cost at a flat vector of parameters, mean over the batches."""
        at = Point(self._players(vector), self.point.state)
        costs = [self.problem.loss(player, at, pick(self.batches, k), advance=True)[0] for k in range(self.draws)]
        return torch.stack(costs).mean()

    def costs(self, player: str, vector: Tensor, batches: Batch) -> Tensor:
        """The player's cost at a flat vector of parameters on each of other batches, [batches]."""
        at = Point(self._players(vector), self.point.state)
        return vmap(lambda one: self.problem.loss(player, at, one, advance=True)[0], chunk_size=CHUNK)(batches)

    def _slope(self, player: str) -> Callable[[Tensor], Tensor]:
        """The gradient of one player's cost over its own parameters, at a flat vector."""
        where = self.block(player)

        def slope(vector):
            return grad(lambda own: self.cost(player, torch.cat([vector[: where.start], own, vector[where.stop :]])))(
                vector[where]
            )

        return slope

    def _plain_field_at(self, vector: Tensor) -> Tensor:
        return torch.cat([self._slope(who)(vector) for who in self.sizes])

    @cached_property
    def _field_graph(self) -> tuple[Tensor, Any]:
        found, pull = vjp(self._plain_field_at, self.vector)[:2]
        return found.detach(), pull

    @cached_property
    def _plain_field(self) -> Tensor:
        """ξ without the rates; no graph is made for it where none is there: products may never be asked for."""
        return self._field_graph[0] if "_field_graph" in vars(self) else self._plain_field_at(self.vector).detach()

    @property
    def field(self) -> Tensor:
        """ξ, flat."""
        return self.rates * self._plain_field

    def transposed(self, u: Tensor) -> Tensor:
        """``Jᵀ u``."""
        formed = self._formed
        return self._field_graph[1](self.rates * u)[0] if formed is None else (self.rates * u) @ formed

    @cached_property
    def _whole(self) -> dict[str, Any]:
        return {who: vjp(grad(lambda v, who=who: self.cost(who, v)), self.vector)[1] for who in self.sizes}

    def product(self, v: Tensor) -> Tensor:
        """``J v``."""
        return self.rates * self.plain_product(v)

    def plain_product(self, v: Tensor) -> Tensor:
        """``J v`` without the rates."""
        formed = self._formed
        if formed is not None:
            return v @ formed.mT
        return torch.cat([pull(v)[0][..., self.block(who)] for who, pull in self._whole.items()], -1)

    def hessian(self, player: str) -> Product:
        """``u ↦ H u`` for the player's Hessian over its own parameters (without the rate)."""
        where, slope = self.block(player), self._slope(player)
        rest = self.vector

        def own_slope(own):
            return slope(torch.cat([rest[: where.start], own, rest[where.stop :]]))

        pull: Any = vjp(own_slope, rest[where])[1]
        return lambda u: pull(u)[0]

    @cached_property
    def matrix(self) -> np.ndarray:
        """J in full, [size, size]: for small games."""
        return self.rates.double().cpu().numpy()[:, None] * self.plain_matrix

    @cached_property
    def plain_matrix(self) -> np.ndarray:
        """J in full, without the rates."""
        return dense(lambda u: self._field_graph[1](u)[0], self.vector)

    @property
    def _formed(self) -> Tensor | None:
        """`plain_matrix` where it is known already: a product with it costs a hundredth of one by derivatives."""
        known = vars(self).get("plain_matrix")
        same = self.vector.dtype == torch.float64 and self.vector.device.type == "cpu"
        return torch.from_numpy(known) if known is not None and same else None

    def own_hessian(self, player: str) -> np.ndarray:
        """One player's Hessian over its own parameters in full, symmetric, without the rate."""
        where, known = self.block(player), vars(self).get("plain_matrix")
        found = dense(self.hessian(player), self.vector[where]) if known is None else known[where, where]
        return (found + found.T) / 2

    def at(self, move: Tensor) -> "Linearised":
        """The same game on the same batches, at the point that is ``move`` away."""
        there = Point(self._players(self.vector + move), self.point.state)
        return Linearised(self.problem, there, self.batches, self.draws)

    def untold(self, move: Tensor) -> Tensor:
        """What J does not tell of the field a move away, without the rates: ``ξ(θ + m) − ξ(θ) − J m``."""
        return self.at(move).field - self._plain_field - self.plain_product(move)

    def bends(self) -> bool:
        """Whether the second derivatives are finite: all of them where J is formed, else in one product."""
        if self._formed is None and self.size > FORMED:
            return bool(torch.isfinite(self.transposed(torch.ones_like(self.vector))).all())
        return bool(np.isfinite(self.plain_matrix).all())

    def has_kink(self) -> bool:
        """Whether the field bends abruptly here, or jumps, in one of a few directions: then no J says what is around.

        ::

            e(ε) = ‖ξ(θ + ε m) − ξ(θ) − ε J m‖:   e(ε/10) / e(ε) is at most 1/100 if ξ is smooth, 1/10 at a kink
        """
        if not self.bends():
            return True
        rng, size = torch.Generator().manual_seed(0), float(self.rates.max()) * float(np.abs(self.plain_matrix).max())
        reach, rounding = KINK * (1 + float(self.vector.norm())), 1e-12 * float(self.field.norm())
        for _ in range(4):
            way = torch.randn(self.size, generator=rng).to(self.vector)
            way = way / way.norm()
            for move in (reach * way, -reach * way):
                far, close = (float((self.rates * self.untold(step)).norm()) for step in (move, move / 10))
                if close > 0.03 * far and far > max(1e-3 * reach * size, rounding):
                    return True
        return False

    def halves(self) -> list["Linearised"]:
        """The game on the first and on the second half of the batches; nothing where there is one batch."""
        half = self.draws // 2
        parts = [tree_map(lambda v: v[:half], self.batches), tree_map(lambda v: v[half : 2 * half], self.batches)]
        return [Linearised(self.problem, self.point, part, half) for part in parts] if half else []

    def alone(self) -> list["Linearised"]:
        """The game on each of its batches."""
        parts = [tree_map(lambda v, k=k: v[k : k + 1], self.batches) for k in range(self.draws)]
        return [Linearised(self.problem, self.point, part, 1) for part in parts]

    def beside(self) -> "Linearised":
        """The game at a point a little beside this one, always the same: a share `BESIDE` of ``1 + ‖θ_i‖`` away."""
        move = torch.randn(self.size, generator=torch.Generator().manual_seed(0)).to(self.vector)
        parts = [self.block(who) for who in self.sizes]
        reach = [BESIDE * (1 + self.vector[where].norm()) / (1e-300 + move[where].norm()) for where in parts]
        return self.at(torch.cat([far * move[where] for where, far in zip(parts, reach)]))

    def start(self, size: int) -> np.ndarray:
        """A fixed vector for iterative eigen-solvers to start from: same game, same answer."""
        return np.random.default_rng(0).standard_normal(size).astype(self.vector.cpu().numpy().dtype)


def dense(product: Product, like: Tensor) -> np.ndarray:
    """The matrix whose row k is ``product(e_k)``: the transpose of the product's own matrix."""
    eye = torch.eye(len(like), dtype=like.dtype, device=like.device)
    return vmap(product, chunk_size=CHUNK)(eye).detach().double().cpu().numpy()


def blocks_of(sizes: Mapping[str, int]) -> dict[str, slice]:
    """Each player's slice of a flat vector."""
    blocks, start = {}, 0
    for who, size in sizes.items():
        blocks[who] = slice(start, start + size)
        start += size
    return blocks
