"""Steps that adapt, where no gradient was met so far: a rate over epsilon is no step that play ever takes."""

from typing import Any

import torch
from torch import Tensor

from nashpath.diagnostics import Linearised
from nashpath.diagnostics.base import flatten
from nashpath.run.engine.linear_play import linear_part
from nashpath.solvers import Solver


def unmet(solver: Solver, memory: Any, near: Linearised) -> dict[str, Tensor]:
    """Players with weights whose second moments v foretell no step, and which weights, flat; nothing where all do.

    ::

        sqrt(v) ≤ ε  and  |J m| > sqrt(v) + ε   for a small move m (`Linearised.beside`)

    Then the first gradient that play meets makes another step of it. A weight whose gradient no move changes, as that
    of a unit that is not active, has no curvature for which a step could be too large: it is not named.
    ``solver`` is the one that moves the players, and ``memory`` its own.
    """
    scales = {who: _empty(solver, memory, who) for who in near.sizes}
    if not any(bool(scale.any()) for scale in scales.values()):
        return {}
    change = near.plain_product(near.beside().vector - near.vector).detach().abs()
    found = {who: change[near.block(who)] * scale.to(change) > 1 for who, scale in scales.items() if len(scale)}
    return {who: which for who, which in found.items() if bool(which.any())}


def _empty(solver: Solver, memory: Any, who: str) -> Tensor:
    """A player's scales where they are those of no gradient, to half, and 0 elsewhere; nothing where none adapts."""
    part = linear_part(solver, memory, who)
    if part is not None and part.scale is not None:
        scale = flatten(part.scale)
        return torch.where(scale >= part.most / 2, scale, 0)
    kept = [memory[name][who] for name in solver.preconditioner if isinstance(memory.get(name), dict)]
    if not kept:
        return torch.zeros(0)
    return torch.where(flatten(kept[0]) == 0, torch.inf, 0.0)
