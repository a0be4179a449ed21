"""What constraints hold at a point: weights that their slope presses against a bound, or whole players."""

import torch
from torch import Tensor

from nashpath.diagnostics import Certificate, Held, Linearised, PointEvidence
from nashpath.diagnostics.base import flatten
from nashpath.diagnostics.behaviour import STILL
from nashpath.diagnostics.evidence import TOLERANCE as REST
from nashpath.diagnostics.probing import FAR
from nashpath.solvers import Solver

TURNED = 0.5
"""A weight is held where less than this share of its move is left."""
FAR_OFF = 1e12
"""How far off a constraint is asked whether it turns play back there."""
PROBES = 4
"""Random moves by which a constraint is asked whether it holds every weight for itself."""


def held_by_bounds(solver: Solver, near: Linearised, fields: Tensor) -> Held:
    """What is held where every player steps down its mean slope, as far as it may be from rest.

    A constraint that bounds each weight for itself (clipping) holds those that it turns back, where their slope
    is told from 0 over the rows of ``fields``, [batches, size]. Any other holds its whole player.
    """
    mean, count = fields.mean(0), len(fields)
    error = fields.std(0) / count**0.5 if count > 1 else torch.zeros_like(mean)
    held = Held([], torch.zeros_like(mean, dtype=torch.bool), [])
    for who in near.sizes:
        where = near.block(who)
        here, slope = near.vector[where], mean[where]
        length = REST * (1 + here.norm())
        move = -length * slope / slope.norm().clamp(min=torch.finfo(slope.dtype).tiny)
        left = _within(solver, near, who, here + move) - here
        turned = bool(((left - move).abs() > REST * length).any())
        if turned and not _by_weight(solver, near, who):
            held.players.append(who)
        elif turned:
            back = (move.abs() > 0) & (left.abs() < TURNED * move.abs())
            held.weights[where] = back & (slope.abs() > FAR * error[where])
        if bool((_at_bound(solver, near, who, length) & ~held.weights[where]).any()):
            held.beside.append(who)
    return held


def evidence_at(solver: Solver, near: Linearised, vector: Tensor) -> PointEvidence:
    """What a point is within the constraints, of a game without noise."""
    there = near.at(vector.to(near.vector) - near.vector)
    fields = there.field[None].expand(near.draws, -1)
    held = held_by_bounds(solver, there, fields)
    return Certificate(near.draws).look(there, fields, beside=there.beside().field[None], held=held)


def rest_at_bound(solver: Solver, near: Linearised, way: Tensor) -> Tensor | None:
    """Where a way [rounds + 1, size] came to rest, pressed against a bound; None where it moves, or rests elsewhere.

    It rests where its last quarter lies within `STILL` of its length. Of a player that is held as a whole, the way
    alone tells that it rests.
    """
    off = (way - way[-1]).norm(dim=1)
    if not bool(off[3 * len(off) // 4 :].max() <= STILL * off.max()):
        return None
    seen = evidence_at(solver, near, way[-1])
    return way[-1] if seen.bounded and seen.stationary is not False else None


def excluded(solver: Solver, near: Linearised, vector: Tensor) -> list[str]:
    """Players whose constraints do not allow their part of a flat vector."""
    inside = {who: _within(solver, near, who, vector[near.block(who)]) for who in near.sizes}
    return [who for who in near.sizes if not torch.allclose(inside[who], vector[near.block(who)], rtol=1e-9, atol=1e-9)]


def encloses(solver: Solver, near: Linearised) -> bool:
    """Whether some constraint turns back moves far off, by random moves both ways: then no play need leave for good."""
    way = torch.randn(near.size, generator=torch.Generator().manual_seed(0)).to(near.vector)
    return any(excluded(solver, near, near.vector + side * FAR_OFF * way) for side in (1, -1))


def touched(solver: Solver, near: Linearised) -> list[str]:
    """Players whom a constraint turns back from a small move out of here, by random moves both ways."""
    rng, found = torch.Generator().manual_seed(0), []
    for who in near.sizes:
        here = near.vector[near.block(who)]
        length = REST * (1 + here.norm())
        ways = torch.randn(PROBES, len(here), generator=rng).to(here)
        moves = [side * length * way / way.norm() for way in ways for side in (1, -1)]
        left = [_within(solver, near, who, here + move) - here for move in moves]
        if any(bool((own - move).abs().max() > REST * length) for own, move in zip(left, moves, strict=True)):
            found.append(who)
    return found


def _within(solver: Solver, near: Linearised, who: str, own: Tensor) -> Tensor:
    """A player's weights inside its constraints, flat."""
    move = torch.zeros_like(near.vector)
    move[near.block(who)] = own - near.vector[near.block(who)]
    inside = solver.within(who, near.at(move).point.players[who])
    return flatten(inside)


def _by_weight(solver: Solver, near: Linearised, who: str) -> bool:
    """Whether a constraint does to each weight what it would do to it alone, by random moves of some of them."""
    here, rng = near.vector[near.block(who)], torch.Generator().manual_seed(0)
    for _ in range(PROBES):
        move = (1 + here.abs().max()) * torch.randn(len(here), generator=rng).to(here)
        some = (torch.rand(len(here), generator=rng) < 0.5).to(here.device)
        both = _within(solver, near, who, here + move)
        alone = _within(solver, near, who, torch.where(some, here + move, here))
        if not torch.allclose(alone, torch.where(some, both, here)):
            return False
    return True


def _at_bound(solver: Solver, near: Linearised, who: str, length: Tensor) -> Tensor:
    """Which weights a constraint turns back to one side or the other."""
    here = near.vector[near.block(who)]
    sides = [_within(solver, near, who, here + side * length) - here for side in (1.0, -1.0)]
    return (sides[0].abs() < TURNED * length) | (sides[1].abs() < TURNED * length)
