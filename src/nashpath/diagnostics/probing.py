"""Does a player gain by a small move of its own where second derivatives do not say?"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, grad_and_value, jacrev, vmap

from nashpath.diagnostics.linearised import Linearised

ROUNDING = 1e-7
"""Curvatures below this share of the player's own largest are rounding: the direction is flat to second order."""
STEADY = 0.3
"""A curvature that changes by more than this share between here and the stationary point decides nothing."""
SURE, FAR = 3.0, 6.0
"""Standard errors within which a mean may be 0, and beyond which it is not: of few batches they are rough."""
RADII = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Multiples of the smallest radius at which a cost is looked up, until it is above or below by more than rounding."""
DIGITS = 1e-13
"""A change of a cost by less than this share of it, or of its own scale, is rounding."""
HIDING = 1e3
"""A constant in the cost of more than so many of its scales may hide a gain along directions that look level."""
PLACES = 8
"""Random places at which the scale of a cost is read."""
BESIDE, DESCENTS, PACE = (0.1, 0.3), 200, 0.005
"""Where a player descends alone from, how many steps, and how long each is, in shares of ``1 + ‖θ_i‖``."""
NOISE = 1e-12
"""Curvatures below this share of the player's own largest are errors of arithmetic."""
FURTHEST = 0.3
"""No radius is larger than this share of ``1 + ‖θ‖``, or thrice the smallest."""
MIXED = 32
"""Directions inside the flat ones that are tried in addition to the flat ones themselves."""
FOLLOWING = 4
"""Newton steps with which the player's bent directions follow."""
FOLLOWED = 16
"""Up to so many flat directions the others among them follow, too, as far as they are bent beside the point."""


class Directions(NamedTuple):
    """A player's own principal directions: curvatures, unit columns, and −1, 0 or 1 where the curvature is clear."""

    values: NDArray[Any]
    vectors: NDArray[Any]
    signs: NDArray[Any]

    @classmethod
    def of(
        cls, hessian: NDArray[Any], others: list[NDArray[Any]], batches: Sequence[NDArray[Any]] = ()
    ) -> "Directions":
        """The directions of a Hessian; those whose curvature ``others`` do not confirm to a third are flat.

        So are those that its standard error over the Hessians of single ``batches`` does not tell from 0.
        """
        values, vectors = np.linalg.eigh((hessian + hessian.T) / 2)
        signs = np.sign(values) * (np.abs(values) > ROUNDING * max(float(np.abs(values).max()), 1e-300))
        for other in others:
            there = _curvatures(other, vectors)
            signs = np.where(np.abs(there - values) <= STEADY * np.abs(values), signs, 0)
        if len(batches) > 1:
            each = np.stack([_curvatures(one, vectors) for one in batches])
            signs = np.where(np.abs(values) > FAR * each.std(0, ddof=1) / len(each) ** 0.5, signs, 0)
        return cls(values, vectors, signs)

    def confirmed(self, off: NDArray[Any], move: NDArray[Any]) -> "Directions":
        """Without those whose curvature is off by a third or more: ``off`` is that of the slope after a ``move``."""
        along = np.maximum(np.abs(self.vectors.T @ move), np.linalg.norm(move) / len(move) ** 0.5)
        sure = np.abs(self.vectors.T @ off) <= STEADY * np.abs(self.values) * along
        return self._replace(signs=np.where(sure, self.signs, 0))


def _curvatures(hessian: NDArray[Any], vectors: NDArray[Any]) -> NDArray[Any]:
    """``vᵀ H v`` for each column."""
    return ((hessian @ vectors) * vectors).sum(0)


def gain_along(near: Linearised, player: str, ways: Directions, smallest: float, answering: str = "") -> float:
    """The move by which the player's cost falls along a flat direction, or a mixture of them, to either side; 0: none.

    ::

        c(t) = min over w of J_i(θ_i + t v + w) − t ∇J_i · v,   w in the directions of positive curvature

    (the slope is what is left of the distance from the stationary point) at t = ``smallest`` times `RADII`: each side
    is decided at the first radius at which c(t) − c(0) is beyond rounding. Of several flat directions those across v
    follow, too, where they are bent at θ_i + t v. A cost that stays level to the last radius is no gain (0.0); NaN,
    undecided, where the cost is finite nowhere around, or where a constant in it is so large that its rounding would
    hide a curvature of `ROUNDING` times the largest, or the one that the second derivatives show, or all of what the
    cost may change by (`scale_of`). Where another player is ``answering``, that one follows besides, by its own cost.
    """
    flat = ways.vectors[:, ways.signs == 0]
    if not flat.shape[1]:
        return 0.0
    sides, lowest = _sides(flat).to(near.vector), _lowest(near, player, ways, answering)
    base, scale = float(lowest(torch.zeros_like(sides[0]), 0.0)), scale_of(near, player)
    if not math.isfinite(scale):
        return math.nan
    level, rounding, reached = torch.zeros(len(sides), dtype=torch.bool), DIGITS * max(scale, abs(base)), 0.0
    furthest = max(FURTHEST * (1 + float(near.vector[near.block(player)].norm())), 3 * smallest)
    for radius in (smallest * times for times in RADII if smallest * times <= furthest):
        change = vmap(lambda way, r=radius: lowest(way, r))(sides) - base
        beyond, reached = change.abs() > rounding, radius
        if bool((~level & beyond & (change < 0)).any()):
            return radius
        level |= beyond | ~torch.isfinite(change)
        if bool(level.all()):
            return 0.0
    largest, falls = float(np.abs(ways.values).max()), float(-ways.values[ways.signs == 0].min())
    shown = min(ROUNDING * largest, falls) if falls > NOISE * largest else ROUNDING * largest
    return math.nan if scale > 0 and rounding > max(shown * reached**2 / 2, HIDING * DIGITS * scale) else 0.0


def _lowest(near: Linearised, player: str, ways: Directions, answering: str) -> Callable[[Tensor, float], Tensor]:
    """``(v, t) ↦ c(t)`` of `gain_along`, c(0) not taken off."""
    flat, bent = ways.vectors[:, ways.signs == 0], ways.vectors[:, ways.signs > 0]
    where, here = near.block(player), near.vector
    followers = [(player, where, _inverse(bent, ways.values[ways.signs > 0]))]
    if answering:
        followers.append((answering, near.block(answering), np.linalg.pinv(near.own_hessian(answering))))
    moving = [(who, block, torch.from_numpy(inverse).to(here)) for who, block, inverse in followers if inverse.any()]
    across = torch.from_numpy(flat).to(here) if 1 < flat.shape[1] <= FOLLOWED else None
    slope_here = grad(lambda v: near.cost(player, v))(here)[where]

    def followed(at: Tensor) -> Tensor:
        for _ in range(FOLLOWING):
            for who, block, inverse in moving:
                slope = grad(lambda v, who=who: near.cost(who, v))(at)[block]
                at = _moved(at, block, -inverse @ slope)
        return at

    def lowest(way: Tensor, radius: float) -> Tensor:
        at = followed(_moved(here, where, radius * way))
        plain = near.cost(player, at) - radius * (way @ slope_here)
        if across is None:
            return plain
        aside = _aside(lambda own: near.cost(player, _moved(at, where, own)) - own @ slope_here, across, way, radius)
        found = near.cost(player, followed(_moved(at, where, aside))) - (radius * way + aside) @ slope_here
        return torch.where(found < plain, found, plain)

    return lowest


def scale_of(near: Linearised, player: str) -> float:
    """What the player's cost changes by, to first order, where all weights move as far as any is looked up.

    It is read off slopes: a constant in the cost hides nothing of it. 0: the cost depends on no weight; NaN: it is
    finite nowhere there.
    """
    rng, sizes = torch.Generator().manual_seed(0), []
    for _ in range(PLACES):
        move = torch.randn(near.size, generator=rng).to(near.vector)
        for who in near.sizes:
            where = near.block(who)
            move[where] *= FURTHEST * (1 + near.vector[where].norm()) / move[where].norm().clamp(min=1e-300)
        slope = grad(lambda v: near.cost(player, v))(near.vector + move)
        sizes.append(float(slope.norm() * move.norm()))
    known = [size for size in sizes if math.isfinite(size)]
    return float(np.median(known)) if known else math.nan


def falls_beside(near: Linearised, player: str) -> float:
    """How far from the point the player's cost is lower, where the player descends alone from beside it; 0: nowhere.

    It begins at `BESIDE` of ``1 + ‖θ_i‖`` along flat directions, and mixtures, and goes no further off than the whole.
    Lower is what the slope at the point itself, which is what is left of the way to rest, does not explain.
    """
    where, here = near.block(player), near.vector
    ways = Directions.of(near.own_hessian(player), [])
    flat = ways.vectors[:, ways.signs == 0]
    if not flat.shape[1]:
        return 0.0
    reach = 1 + float(here[where].norm())
    cost = grad_and_value(lambda move: near.cost(player, _moved(here, where, move)))
    scale = scale_of(near, player)
    slope, value = cost(torch.zeros_like(here[where]))
    base, steep = float(value), float(slope.norm())
    moves = torch.cat([share * reach * _sides(flat).to(here) for share in BESIDE])
    for _ in range(DESCENTS):
        slopes, values = vmap(cost)(moves)
        far = moves.norm(dim=1)
        lower = (values < base - DIGITS * max(scale, abs(base)) - steep * far) & (far <= reach)
        if bool(lower.any()):
            return float(far[lower].min())
        moves = moves - PACE * reach * slopes / slopes.norm(dim=1, keepdim=True).clamp(min=1e-300)
    return 0.0


def _sides(flat: NDArray[Any]) -> Tensor:
    """The flat directions, and mixtures of them, to both sides, [sides, size]."""
    mixed = np.random.default_rng(0).standard_normal((flat.shape[1], MIXED if flat.shape[1] > 1 else 0))
    tried = np.concatenate([flat, flat @ (mixed / np.linalg.norm(mixed, axis=0, keepdims=True))], 1)
    return torch.from_numpy(np.concatenate([tried, -tried], 1).T.copy())


def _moved(at: Tensor, where: slice, move: Tensor) -> Tensor:
    return torch.cat([at[: where.start], at[where] + move, at[where.stop :]])


def _aside(cost: Callable[[Tensor], Tensor], flat: Tensor, way: Tensor, radius: float) -> Tensor:
    """The move inside the columns of ``flat``, across a ``way``, to where bent directions are lowest; in ``radius``."""
    own = flat.mT @ way
    basis = flat - flat @ torch.outer(own, own) / (own @ own).clamp(min=1e-300)
    aside = torch.zeros_like(way)
    for _ in range(FOLLOWING):
        slope = grad(lambda part: cost(aside + basis @ part))  # noqa: B023 (used before aside is another)
        zero = torch.zeros_like(own)
        values, vectors = torch.linalg.eigh(torch.nan_to_num(jacrev(slope)(zero), 0.0, 0.0, 0.0))
        bent = values > ROUNDING * values.abs().amax()
        parts = vectors.mT @ slope(zero) / torch.where(bent, values, 1.0)
        aside = aside - basis @ (vectors @ torch.where(bent, parts, 0.0))
        aside = aside * (radius / aside.norm().clamp(min=1e-300)).clamp(max=1.0)
    return aside


def _inverse(vectors: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    return (vectors / values) @ vectors.T
