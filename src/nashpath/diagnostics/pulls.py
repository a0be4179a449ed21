"""Is a player's slope a pull? At a kink a derivative is one slope of several, and no move need gain by it."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad

from nashpath.core import Batch
from nashpath.core import tree as trees
from nashpath.diagnostics.evidence import PointEvidence
from nashpath.diagnostics.linearised import FORMED, Linearised
from nashpath.diagnostics.probing import ROUNDING

KEPT = 0.5
"""A slope keeps its promise where a move gains this share of what slope and curvature say."""
DIGITS = 1e3
"""Multiples of a cost's last digit below which a gain is rounding."""
ASKED = 64
"""Up to this many weights each axis is asked, and a mean of slopes around; kinks are everywhere in larger networks."""
SHORTER = (1.0, 0.1, 0.01, 1e-3)
"""Shares of the allowed distance that a move may have there."""
VANISHED = 1e-6
"""The share of the slope below which the least mean of slopes around vanishes."""

Cost = Callable[[Tensor], Tensor]
PullWord = Literal["pulled", "resting", "kink", "unknown"]
"""Pulled: a move gains as the slope promises, and rest is further off than allowed; resting: it is not. Kink: no move
that was tried gains so. Unknown: what the slope promises is below rounding."""


def kinks(near: Linearised, seen: PointEvidence, batches: Batch | None = None) -> list[str]:
    """The players whose slope is no pull, where no other player is pulled; none where all slopes keep their promise.

    Costs are means over ``batches``, or over those of ``near``, which are taken for more than `FORMED` weights, too.
    """
    found = {}
    for who in [each for each in near.sizes if each not in seen.held]:
        where = near.block(who)
        bend = near.own_hessian(who) if near.size <= FORMED else None
        found[who] = pull(own_cost(near, who, batches), near.vector[where], bend, seen.players[who].allowed)
    return [] if "pulled" in found.values() else [who for who, told in found.items() if told == "kink"]


def own_cost(near: Linearised, who: str, batches: Batch | None) -> Cost:
    """The player's cost of its own weights, the others' as they are."""
    where, others = near.block(who), batches if near.size <= FORMED and trees.leaves(batches or {}) else None

    def at(own: Tensor) -> Tensor:
        return torch.cat([near.vector[: where.start], own, near.vector[where.stop :]])

    if others is not None:
        try:
            near.costs(who, near.vector, others)
            return lambda own: near.costs(who, at(own), others).mean()
        except RuntimeError:  # a game whose batches cannot be stacked
            pass
    return lambda own: near.cost(who, at(own))


def pull(cost: Cost, here: Tensor, bend: NDArray[Any] | None, allowed: float) -> PullWord:
    """What the slope of a cost ``[size] → scalar`` is, whose Hessian is ``bend``, [size, size], where it is known.

    ::

        J(θ) − J(θ + t v) ≥ ½ (−t ∇J·v − ½ t² vᵀHv):   v = −∇J / ‖∇J‖, t = allowed, or where that parabola is lowest

    Where that fails, and there are few weights, the same is asked of each axis and of the least convex combination of
    the slopes at random points within ``allowed`` (gradient sampling: Burke, Lewis & Overton 2005).
    """
    slope = grad(cost)(here)
    size, few = float(slope.norm()), len(here) <= ASKED
    if not size > 0:
        return "resting"
    radii = [allowed * share for share in (SHORTER[:1] if few else SHORTER)]
    told = [_kept(cost, here, -slope / size, slope, bend, radius) for radius in radii]
    if True in told:
        return "pulled" if bend is None or _distance(bend, slope) > allowed else "resting"
    if False not in told:
        return "unknown"
    further = _ways(cost, here, slope, allowed) if few and bend is not None else ()
    return "pulled" if any(_pulls(cost, here, way, own, bend, allowed) for way, own in further) else "kink"


def _pulls(cost: Cost, here: Tensor, way: Tensor, slope: Tensor, bend: Any, allowed: float) -> bool:
    """Whether a way down keeps its promise as far as is allowed, and goes on further."""
    curvature = float(way.double().cpu().numpy() @ bend @ way.double().cpu().numpy())
    further = float(-(slope @ way)) > allowed * curvature
    return further and _kept(cost, here, way, slope, bend, allowed) is True


def _kept(cost: Cost, here: Tensor, way: Tensor, slope: Tensor, bend: Any, radius: float) -> bool | None:
    """Whether a move along a unit vector gains `KEPT` of what is promised; None where rounding would hide that."""
    steep, curvature = float(-(slope @ way)), 0.0
    if bend is not None:
        along = way.double().cpu().numpy()
        curvature = max(float(along @ bend @ along), 0.0)
    move = min(radius, steep / curvature) if curvature > 0 else radius
    promised = move * steep - move**2 * curvature / 2
    before, after = float(cost(here)), float(cost(here + move * way))
    if not promised > DIGITS * torch.finfo(here.dtype).eps * max(abs(before), abs(after)):
        return None
    return before - after >= KEPT * promised


def _distance(bend: NDArray[Any], slope: Tensor) -> float:
    """The length of Newton's step down; infinite where a slope has no positive curvature against it."""
    values, vectors = np.linalg.eigh(bend)
    parts = np.abs(vectors.T @ slope.double().cpu().numpy())
    bent = values > ROUNDING * np.abs(values).max()
    if (parts[~bent] > VANISHED * parts.max()).any():
        return np.inf
    return float(np.linalg.norm(parts[bent] / values[bent]))


def _ways(cost: Cost, here: Tensor, slope: Tensor, radius: float) -> Iterator[tuple[Tensor, Tensor]]:
    """Unit vectors down, each with the slope that it is down of: the axes, and the least mean of slopes around."""
    for axis, steep in zip(torch.eye(len(here)).to(here), slope):
        if steep != 0:
            yield -steep.sign() * axis, slope
    rng = torch.Generator().manual_seed(0)
    moves = torch.randn(2 * len(here) + 2, len(here), generator=rng).to(here)
    lengths = radius * torch.rand(len(moves), 1, generator=rng).to(here)
    slopes = torch.stack([slope, *(grad(cost)(here + move) for move in lengths * moves / moves.norm(dim=1)[:, None])])
    least = least_mean(slopes)
    if float(least.norm()) > VANISHED * float(slopes.norm(dim=1).max()):
        yield -least / least.norm(), least


def least_mean(slopes: Tensor) -> Tensor:
    """The convex combination of rows that is nearest to 0, [size]."""
    from scipy.optimize import nnls  # here, so that importing nashpath stays light

    rows = slopes.double().cpu().numpy()
    scale = float(np.linalg.norm(rows, axis=1).max())
    weights, _ = nnls(np.concatenate([rows.T / scale, np.ones((1, len(rows)))]), np.r_[np.zeros(rows.shape[1]), 1.0])
    return torch.from_numpy(weights / weights.sum() @ rows).to(slopes)
