"""Divergences of two known densities without samples: sums over a fine grid, in one or two dimensions."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nashpath.core.shapes import LogDensity
from nashpath.metrics.divergences.base import DensityDivergence
from nashpath.metrics.errors import MetricError, NotFiniteError, ShapeError

CELLS = 1 << 24
"""Points of a grid that are held at most: 128 MB a column."""


def integrate(
    divergences: dict[str, DensityDivergence],
    log_p: LogDensity,
    log_q: LogDensity,
    box: Sequence[tuple[float, float]],
    resolution: int = 1000,
    tolerance: float = 1e-3,
) -> dict[str, float]:
    """Each divergence by the midpoint rule on ``resolution`` cells a side of ``box`` (lower and upper, by dimension).

    Raises `MetricError` where p or q is not a density on the box: its mass there is not 1 within ``tolerance``, because
    the box is too small, the grid too coarse, or the density not normalised. `NotFiniteError` for NaN, `ShapeError` for
    boxes of too many points or none.
    """
    points, cell = midpoints(box, resolution)
    logs = [_log_density(f, points, name) for f, name in ((log_p, "p"), (log_q, "q"))]
    p, q = (log.exp() * cell for log in logs)
    for mass, name in ((float(p.sum()), "p"), (float(q.sum()), "q")):
        if not abs(mass - 1) <= tolerance:
            raise MetricError(
                f"{name} has mass {mass:.4g} on the box {list(box)}, not 1; widen the box, raise the "
                f"resolution ({resolution}), or normalise the density"
            )
    ratio = torch.where((p > 0) | (q > 0), logs[0] - logs[1], 0.0)
    return {name: divergence.integrate(p, q, ratio) for name, divergence in divergences.items()}


def midpoints(box: Sequence[tuple[float, float]], resolution: int) -> tuple[Tensor, float]:
    """The middles of all cells, [resolution^d, d] in float64, and the volume of a cell."""
    if not box or any(not low < high for low, high in box) or resolution < 1 or resolution ** len(box) > CELLS:
        raise ShapeError(
            f"box {list(box)} at resolution {resolution}: give (lower, upper) for each dimension, and at most {CELLS} "
            "points in all; in more dimensions use samples"
        )
    steps = (torch.arange(resolution, dtype=torch.double) + 0.5) / resolution
    sides = [low + (high - low) * steps for low, high in box]
    points = torch.stack(torch.meshgrid(*sides, indexing="ij"), -1).reshape(-1, len(box))
    return points, math.prod((high - low) / resolution for low, high in box)


def _log_density(log_density: LogDensity, points: Tensor, name: str) -> Tensor:
    found = log_density(points).detach().double()
    if found.shape != points.shape[:1]:
        raise ShapeError(f"log {name} of points {tuple(points.shape)} has shape {tuple(found.shape)}; give [n]")
    if found.isnan().any() or (found == torch.inf).any():
        raise NotFiniteError(f"log {name} is NaN or +inf at some points of the grid")
    return found
