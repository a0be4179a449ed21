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


def settled(point: Point, priced: dict[str, PlayerGradient]) -> Point:
    """The same parameters, with the state as the players' turns left it."""
    state = point.state
    for price in priced.values():
        state = {**state, **price.state}
    return Point(point.players, state)
