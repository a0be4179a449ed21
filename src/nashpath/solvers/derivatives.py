"""Second derivatives of a game, as products: nothing larger than a parameter tree is ever formed.

Everything is reverse mode over reverse mode, which every layer that can be trained under a gradient penalty supports
(forward mode is missing for some). State that an evaluation changes leaves only by ``has_aux``. Annotations
of inner functions are quoted: for the compiler these are constants, and there is nothing to trace.
"""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.func import grad, vjp

from nashpath.core import Batch, FunctionalGame, PlayerGradient, Point, Tree
from nashpath.core import tree as trees
from nashpath.solvers.base import price_all


def energy(problem: FunctionalGame, point: Point, batch: Batch) -> tuple[dict[str, Tree], dict[str, PlayerGradient]]:
    """``(Jᵀv, priced)``: the gradient of ``½‖v‖²`` over all players' parameters, where v is the game's field."""

    def half_square(players: "dict[str, Tree]") -> "tuple[Tensor, dict[str, PlayerGradient]]":
        priced = price_all(problem, Point(players, point.state), batch)
        squares = [trees.dot(p.gradient, p.gradient) for p in priced.values()]
        return 0.5 * sum(squares[1:], start=squares[0]), priced

    return grad(half_square, has_aux=True)(point.players)


def mixed_product(
    problem: FunctionalGame, point: Point, batch: Batch, costs: dict[str, float], inner: str, outer: str
) -> Callable[[Tree], Tree]:
    """The product ``u ↦ ∂_outer ⟨∂_inner C, u⟩`` with ``C = Σ costs[i] · J_i``, at one point.

    ``u`` is shaped like the parameters of ``inner``, the result like those of ``outer``. The graph is built once; each
    product is one backward pass through it.
    """

    def slope(own: "Tree") -> "Tree":
        players = {**point.players, outer: own}

        def cost(other: "Tree") -> "Tensor":
            at = Point({**players, inner: other}, point.state)
            priced = [sign * problem.loss(who, at, batch)[0] for who, sign in costs.items()]
            return sum(priced[1:], start=priced[0])

        return grad(cost)(players[inner])

    pull: Any = vjp(slope, point.players[outer])[1]
    return lambda direction: pull(direction)[0]


def stake(problem: FunctionalGame, point: Point, batch: Batch, payer: str, mover: str) -> Tree:
    """``∂_mover J_payer``: what one player gains or loses as one of them moves. No state is renewed."""

    def cost(params: "Tree") -> "Tensor":
        return problem.loss(payer, Point({**point.players, mover: params}, point.state), batch)[0]

    return grad(cost)(point.players[mover])


def jacobian_product(
    problem: FunctionalGame, point: Point, batch: Batch
) -> Callable[[dict[str, Tree]], dict[str, Tree]]:
    """The product ``u ↦ J u`` with the Jacobian of the game's field: ``(J u)_i = ∂_i ⟨∇J_i, u⟩``, ∇ over all players.

    One graph a player, one backward pass through each a product.
    """

    def pull_of(who: "str") -> "Any":
        def slopes(own: "Tree") -> "dict[str, Tree]":
            def cost(players: "dict[str, Tree]") -> "Tensor":
                return problem.loss(who, Point(players, point.state), batch)[0]

            return grad(cost)({**point.players, who: own})

        return vjp(slopes, point.players[who])[1]

    pulls = {who: pull_of(who) for who in problem.players}
    return lambda direction: {who: pull(direction)[0] for who, pull in pulls.items()}


def transposed_product(
    problem: FunctionalGame, point: Point, batch: Batch
) -> Callable[[dict[str, Tree]], dict[str, Tree]]:
    """The product ``u ↦ Jᵀ u``: ``Σ_i ∇ ⟨∂_i J_i, u_i⟩``, ∇ over all players. Cost as `jacobian_product`."""

    def pull_of(who: "str") -> "Any":
        def own_slope(players: "dict[str, Tree]") -> "Tree":
            return stake(problem, Point(players, point.state), batch, who, who)

        return vjp(own_slope, point.players)[1]

    pulls = {who: pull_of(who) for who in problem.players}

    def product(direction: "dict[str, Tree]") -> "dict[str, Tree]":
        first, *rest = [pull(direction[who])[0] for who, pull in pulls.items()]
        for other in rest:
            first = {who: trees.add(own, other[who]) for who, own in first.items()}
        return first

    return product


def settled(point: Point, priced: dict[str, PlayerGradient]) -> Point:
    """The same parameters, with the state as the players' turns left it."""
    state = point.state
    for price in priced.values():
        state = {**state, **price.state}
    return Point(point.players, state)
