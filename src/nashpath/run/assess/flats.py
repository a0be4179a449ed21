"""Directions that a round leaves as they are to first order: what play does further along them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from nashpath.diagnostics import Behaviour, Linearised, judge_way
from nashpath.diagnostics.behaviour import STILL, Centre

SHARES = (0.1, 0.3)
"""How far along flat directions play is begun, in units of ``1 + ‖θ‖``."""
FLAT = 1e-10
"""A direction of J is flat whose singular value is at most this share of the largest."""
VANISHED = 1e-9
"""Play rests where the field is at most this share of the curvature times the distance."""
NEAR = 2.0
"""Play that comes to rest at another distance by more than this factor did not stay along the direction."""
ORDER = ("leaves", "spirals out", "goes round")
"""What decides if some way does it, first things first."""

Play = Callable[[Tensor], Tensor]
"""Plays on from a displaced point: the way, [rounds + 1, size]."""


def played_along(play: Play, near: Linearised, centre: Tensor, known: Centre) -> tuple[Behaviour | None, float]:
    """What play does from further along the flat directions of a point at rest, and how far it was seen to stay there.

    That it stays, from all distances, is nothing else: None. Begun at the least distance at which it moves and is
    decided: as it is; moving too slowly at all of them: undecided.
    """
    stays, moved, reach = 0.0, 0, 1 + float(near.vector.norm())
    for share in SHARES:
        found = [_one(play(share * reach * way), near, centre, known) for way in _flat_ways(near)]
        told = [one for one in found if one is not None]
        if not found:
            return None, 0.0
        decided = [one for motion in ORDER for one in told if one.motion == motion]
        if decided or (told and all(one.motion == "closes in" for one in told)):
            return _from(decided[0] if decided else told[0], share), stays
        moved = max([moved, *(one.played for one in told)])
        stays = stays if moved else share
    slow = f"from {SHARES[-1]:g} of 1 + ‖θ‖ along its flat directions it moves, and too little to tell where to"
    return (Behaviour("undecided", played=moved, why=slow) if moved else None), stays


def _from(found: Behaviour, share: float) -> Behaviour:
    return replace(found, why=f"begun {share:g} of 1 + ‖θ‖ away along its flat directions")


def _flat_ways(near: Linearised) -> Iterator[Tensor]:
    """Unit vectors among which play is not told from rest by J: one and, where there are more directions, another
    across it, both ways."""
    _, sizes, rows = np.linalg.svd(near.plain_matrix)
    kernel = torch.from_numpy(rows[sizes <= FLAT * sizes.max(initial=0.0)]).to(near.vector)
    mixed = torch.randn(len(kernel), min(2, len(kernel)), generator=torch.Generator().manual_seed(0)).to(kernel)
    for way in torch.linalg.qr(mixed)[0].T @ kernel:
        yield from (way, -way)


def _one(way: Tensor, near: Linearised, centre: Tensor, known: Centre) -> Behaviour | None:
    """What one way shows; None where it rests about as far from the centre as it began, without a field."""
    radius = (way - centre).norm(dim=1)
    first, last = float(radius[0]), float(radius[-1])
    if math.isfinite(last):
        still = float((way[3 * len(way) // 4 :] - way[-1]).norm(dim=1).max()) <= STILL * first
        field = float(near.at(way[-1] - near.vector).field.norm())
        rests = still and field <= VANISHED * float(np.abs(near.plain_matrix).max()) * first
        if rests and first / NEAR <= last <= NEAR * first:
            return None
        if rests:
            return Behaviour("leaves" if last > first else "closes in", played=len(way) - 1, centre=known)
    found = judge_way(way, centre, known, final=True)
    if found is None or (found.motion == "closes in" and found.centre == "another point of rest"):
        return Behaviour("undecided", played=len(way) - 1, why="it moves too slowly to tell")
    return found
