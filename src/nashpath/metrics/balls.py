"""Balls around samples up to their k-th nearest others, and who is inside: rounding never decides.

All pairs are compared by one matrix product, block by block. On a lattice (`grid_of`) it is exact. Elsewhere the pairs
that it leaves open are compared again by differences, and two distances are equal if rounding of the features can make
them so.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from nashpath.core.math.distances import ENTRIES
from nashpath.metrics.base import Sample
from nashpath.metrics.grid import CommonGrid, grid_of

PAIRS = 1 << 20
"""Pairs of a block: 8 MB in float64, which stays near the processor and takes no new memory for each block."""
EXTRA = 8
"""Neighbours more than asked that are compared by differences, because the product may have confused them."""


class Points(NamedTuple):
    """Coordinates ``[n, d]`` of a block, their squared lengths, and how far they may be off, ``[n]`` each."""

    rows: Tensor
    squared: Tensor
    blur: Tensor

    def at(self, index: Tensor) -> "Points":
        return Points(self.rows, self.squared[index], self.blur[index])

    def widest(self) -> "Points":
        return Points(self.rows, self.squared.max(), self.blur.max())


class Block(NamedTuple):
    """All pairs of a block of x and one of y: where they are, the points, and squared distances by the product."""

    at: slice
    over: slice
    a: Points
    b: Points
    squared: Tensor
    whole: bool

    def within(self, reach: Tensor, closed: bool) -> Tensor:
        """Whether each distance is less than a radius, or equal if ``closed``; ``[a, b]``.

        ``reach`` holds squared radii, ``[a, 1]`` for balls around a or ``[1, b]`` for those around b.
        """
        gap = self.squared - reach
        inside = gap <= 0 if closed else gap < 0
        if not self.whole:
            gap, radii = gap.abs_(), reach.expand_as(gap)
            i, j = (gap <= self._widest(reach)).nonzero(as_tuple=True)  # few, so that the rest is asked of these alone
            unsure = gap[i, j] <= self._open(radii[i, j], self.a.at(i), self.b.at(j))
            i, j = i[unsure], j[unsure]
            for i_, j_ in zip(i.split(self._pairs), j.split(self._pairs)):
                inside[i_, j_] = self._by_differences(i_, j_, radii[i_, j_], closed)
        return inside

    @property
    def _pairs(self) -> int:
        return max(1, ENTRIES // self.a.rows.shape[1])

    def _widest(self, reach: Tensor) -> Tensor:
        """The largest `_open` of each ball with any of the other points, in the shape of ``reach``."""
        if len(reach) == 1:
            return self._open(reach, self.a.widest(), self.b)
        return self._open(reach[:, 0], self.a, self.b.widest())[:, None]

    def _open(self, reach: Tensor, a: Points, b: Points) -> Tensor:
        """By how much a squared distance must differ from a squared radius to be settled by the product."""
        radius, error = reach.sqrt(), product_error(self.a.rows.shape[1])
        mine = 8 * a.blur.square() + error * a.squared
        theirs = 8 * b.blur.square() + error * b.squared
        return (2 * radius * a.blur + mine) + (2 * radius * b.blur + theirs) + error * reach

    def _by_differences(self, i: Tensor, j: Tensor, reach: Tensor, closed: bool) -> Tensor:
        squared = (self.a.rows[i] - self.b.rows[j]).square().sum(1)
        far = torch.maximum(squared, reach)
        slack = 2 * far.sqrt() * (self.a.blur[i] + self.b.blur[j]) + product_error(self.a.rows.shape[1]) * far
        return squared - reach <= slack if closed else squared - reach < -slack


def product_error(width: int) -> float:
    """A bound on the rounding of a squared distance by the product, relative to the squared lengths of both points."""
    return 2 * (width + 8) * torch.finfo(torch.double).eps


def blocks(x: Tensor, y: Tensor, grid: CommonGrid) -> Iterator[Block]:
    """All pairs of ``x [n, d]`` and ``y [m, d]``; each block of x is finished before the next begins."""
    width = max(1, min(len(y), PAIRS // max(1, min(len(x), 1024))))
    height = max(1, min(len(x), PAIRS // width))
    for top in range(0, len(x), height):
        a = _points(x[top : top + height], grid)
        for left in range(0, len(y), width):
            b = _points(y[left : left + width], grid)
            squared = torch.addmm(b.squared, a.rows, -2 * b.rows.T).add_(a.squared[:, None])
            yield Block(
                slice(top, top + len(a.rows)), slice(left, left + len(b.rows)), a, b, squared.clamp_(min=0), grid.whole
            )


def _points(x: Tensor, grid: CommonGrid) -> Points:
    rows = grid.rows(x)
    return Points(rows, rows.square().sum(1), grid.blur(x))


def squared_radii(x: Tensor, neighbours: int, grid: CommonGrid) -> Tensor:
    """The squared distance of each of ``x [n, d]`` to its ``neighbours``-th nearest other, in the grid's units, [n]."""
    rank = neighbours + 1  # the nearest of all is the point itself
    count = min(len(x), rank + (0 if grid.whole else EXTRA))
    best = torch.full((len(x), count), torch.inf, dtype=torch.double, device=x.device)
    index = torch.zeros(len(x), count, dtype=torch.long, device=x.device)
    for block in blocks(x, x, grid):
        low, which = block.squared.topk(min(count, block.squared.shape[1]), largest=False)
        together = torch.cat([best[block.at], low], 1)
        names = torch.cat([index[block.at], which + block.over.start], 1)
        best[block.at], chosen = together.topk(count, largest=False)
        index[block.at] = names.gather(1, chosen)
    return best[:, rank - 1] if grid.whole else _settled(x, grid, best, index, rank)


def _settled(x: Tensor, grid: CommonGrid, best: Tensor, index: Tensor, rank: int) -> Tensor:
    """The ``rank``-th smallest squared distances, from those of candidates ``index [n, count]`` by the product.

    By differences, where the product's error is not far below what rounding of the features leaves open.
    """
    parts = x.split(max(1, ENTRIES // x.shape[1]))
    lengths = torch.cat([grid.rows(part).square_().sum(1) for part in parts])
    error = product_error(x.shape[1]) * (lengths + lengths.max())
    found = best[:, rank - 1].clone()
    unsure = (error > found.sqrt() * torch.cat([grid.blur(part) for part in parts]) / 4).nonzero()[:, 0]
    for part in unsure.split(max(1, ENTRIES // x.shape[1] // index.shape[1])):
        rows, others = grid.rows(x[part]), grid.rows(x[index[part].flatten()]).view(*index[part].shape, x.shape[1])
        found[part] = (others - rows[:, None]).square().sum(2).kthvalue(rank, 1).values
        missed = (found[part] > 0) & (best[part, -1] - error[part] < found[part])
        for i in part[missed] if index.shape[1] < len(x) else []:
            each = [(grid.rows(other) - grid.rows(x[i : i + 1])).square().sum(1) for other in parts]
            found[i] = torch.cat(each).kthvalue(rank).values
    return found


def reach(sample: Sample, features: Tensor, neighbours: int, grid: CommonGrid) -> Tensor:
    """Squared radii of a sample's balls in a grid's units, ``[n]``; computed once for the sample."""

    def make() -> dict[str, Tensor]:
        own = grid_of(features)
        unit = torch.tensor([own.step, own.exponent, own.whole], dtype=torch.double)
        return {"squared": squared_radii(features, neighbours, own), "unit": unit}

    made = sample.once(f"balls-{neighbours}", make)
    step, exponent, whole = made["unit"].tolist()
    ratio = grid.steps_in(grid._replace(step=step, exponent=int(exponent)))
    if not grid.whole:
        return made["squared"].to(features.device) * ratio**2
    if whole and abs(ratio - round(ratio)) < 1e-3:
        return made["squared"].to(features.device) * round(ratio) ** 2
    return squared_radii(features, neighbours, grid)


def are_points(x: Tensor, reach: Tensor, grid: CommonGrid) -> Tensor:
    """Whether the radii of balls around ``x [n, d]``, squared, are 0 to within rounding; ``[n]``."""
    found = reach == 0
    if not grid.whole:
        parts = x.split(max(1, ENTRIES // x.shape[1]))
        found |= reach.sqrt() <= 4 * torch.cat([grid.blur(part) for part in parts])
    return found


def copies(x: Tensor, reach: Tensor, grid: CommonGrid) -> Tensor:
    """How many of ``x [n, d]`` each one's ball holds, itself and its boundary among them, ``[n]``."""
    found = torch.zeros(len(x), dtype=torch.double, device=x.device)
    for block in blocks(x, x, grid):
        found[block.at] += block.within(reach[block.at, None], closed=True).sum(1)
    return found
