"""Euclidean distances of all pairs by one matrix product, and block by block in float64 without holding all pairs."""

from collections.abc import Iterator

import torch
from torch import Tensor

ENTRIES = 1 << 24
"""Pairs held at once: 128 MB in float64."""


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """``‖xᵢ − yⱼ‖²`` from x [n, d] and y [m, d], [n, m], never negative; differentiable twice."""
    return scaled_distances(x, y, 1.0).clamp_min_(0)


def scaled_distances(x: Tensor, y: Tensor, factor: Tensor | float) -> Tensor:
    """``factor ‖xᵢ − yⱼ‖²``, down to a rounding of the other sign, in one buffer; ``factor`` is a number.

    Around the mean of y: far from the origin the matrix product would lose all digits in float32. In float32 also under
    autocast, for the same reason.
    """
    with torch.autocast(x.device.type, enabled=False):
        x, y = (part.to(torch.promote_types(part.dtype, torch.float32)) for part in (x, y))
        origin = y.mean(0).detach()
        x, y = x - origin, y - origin
        return _by_product(x, y, x.square().sum(1), y.square().sum(1), factor)


def _by_product(x: Tensor, y: Tensor, of_x: Tensor, of_y: Tensor, factor: Tensor | float = 1.0) -> Tensor:
    """``factor (‖xᵢ‖² + ‖yⱼ‖² − 2 xᵢ·yⱼ)`` in one buffer, from points and their squared lengths."""
    return torch.addmm(factor * of_y, x, (-2 * factor * y).mT).add_((factor * of_x)[:, None])


MIDDLE_ROWS = 1000


def middle(y: Tensor) -> Tensor:
    """The medians of the columns of ``y [m, d]``, float64 [d], from about a thousand rows: no outlier moves them."""
    return y[:: max(1, len(y) // MIDDLE_ROWS)].double().median(0).values


def squared_blocks(x: Tensor, y: Tensor, entries: int = ENTRIES) -> Iterator[tuple[slice, slice, Tensor]]:
    """``(rows of x, rows of y, their squared distances [a, b])`` for all of ``x [n, d]`` and ``y [m, d]``, in float64.

    Each block of x is finished, over all blocks of y, before the next begins. Distances too small to resolve (10⁻⁶ of
    the points' distance from the middle of y) are zero, so that copies are found to be copies. Around the middle, and
    not the mean, one point that lies far away takes no digits from the others.
    """
    centre = middle(y)
    width = max(1, min(len(y), entries // max(1, min(len(x), 1024))))
    height = max(1, min(len(x), entries // width))
    for top in range(0, len(x), height):
        a = x[top : top + height].double() - centre
        for left in range(0, len(y), width):
            b = y[left : left + width].double() - centre
            of_a, of_b = a.square().sum(1), b.square().sum(1)
            squared = _by_product(a, b, of_a, of_b)
            squared[squared <= 1e-12 * (of_a[:, None] + of_b)] = 0.0
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
