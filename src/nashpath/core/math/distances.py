"""All pairs of distances without ever holding all pairs: block by block, in float64.

Distances too small for the arithmetic to resolve (10⁻⁶ of the points' distance from the centre of all) are zero, so
that copies are found to be copies.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

ENTRIES = 1 << 24
"""Pairs held at once: 128 MB in float64."""


def squared_blocks(x: Tensor, y: Tensor, entries: int = ENTRIES) -> Iterator[tuple[slice, slice, Tensor]]:
    """``(rows of x, rows of y, their squared distances [a, b])`` for all of ``x [n, d]`` and ``y [m, d]``.

    Each block of x is finished, over all blocks of y, before the next begins.
    """
    centre = y.mean(0, dtype=torch.double)
    width = max(1, min(len(y), entries // max(1, min(len(x), 1024))))
    height = max(1, min(len(x), entries // width))
    for top in range(0, len(x), height):
        a = x[top : top + height].double() - centre
        for left in range(0, len(y), width):
            b = y[left : left + width].double() - centre
            lengths = a.square().sum(1)[:, None] + b.square().sum(1)
            squared = torch.addmm(lengths, a, b.T, alpha=-2)
            squared[squared <= 1e-12 * lengths] = 0.0
            yield slice(top, top + len(a)), slice(left, left + len(b)), squared


def nearest_neighbours(x: Tensor, y: Tensor, count: int = 1, entries: int = ENTRIES) -> tuple[Tensor, Tensor]:
    """Distances and indices of the ``count`` points of ``y [m, d]`` nearest to each of ``x``: both ``[n, count]``."""
    best = torch.full((len(x), count), torch.inf, dtype=torch.double, device=x.device)
    index = torch.full((len(x), count), -1, device=x.device)
    for at, over, squared in squared_blocks(x, y, entries):
        low, which = squared.topk(min(count, squared.shape[1]), largest=False)
        together = torch.cat([best[at], low], 1)
        names = torch.cat([index[at], which + over.start], 1)
        best[at], chosen = together.topk(count, largest=False)
        index[at] = names.gather(1, chosen)
    return best.sqrt(), index
