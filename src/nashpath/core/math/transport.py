"""Optimal transport, exactly: between two samples of equal weights, and between masses on known points.

Reference: Peyré & Cuturi 2019, "Computational Optimal Transport", Sec. 2.6 (on a line) and 3.5 (network simplex).
"""

import importlib
import math
import os
import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor


def wasserstein(x: Tensor, y: Tensor, power: int = 1) -> float:
    """``W_p``, p = ``power``, for the Euclidean distance, from x [n, d] and y [m, d], in their units.

    In one dimension by sorting, elsewhere by POT's network simplex: memory n m, time about its power 3/2; it tells
    costs apart to about 1e-14 of the largest, ``max ‖xᵢ − yⱼ‖^p``, in whatever units. Raises `ArithmeticError` if the
    simplex gives up.
    """
    x, y = x.double().cpu(), y.double().cpu()
    if x.shape[1] == 1:
        unit = _unit(x, y)
        moved = cost_on_lines((x / unit).T, (y / unit).T, power)
    else:
        p, q = (v.new_full((len(v),), 1 / len(v)) for v in (x, y))
        moved, unit = _simplex(p, q, x, y, power)
    return max(moved.item(), 0.0) ** (1 / power) * unit


def cost_on_lines(x: Tensor, y: Tensor, power: int = 1) -> Tensor:
    """``W_p^p``, p = ``power``, on each of k lines, [k], between equal weights at x [k, n] and y [k, m]; by sorting.

    It is the integral over u in (0, 1) of the p-th power of the difference of both u-quantiles, which are constant
    between the multiples of 1/n and of 1/m.
    """
    return cost_in_order(sorted_rows(x), sorted_rows(y), power)


def cost_in_order(x: Tensor, y: Tensor, power: int = 1) -> Tensor:
    """As `cost_on_lines`, of `sorted_rows`."""
    n, m = x.shape[1], y.shape[1]
    if n == m:
        return (x - y).abs().pow(power).mean(1)
    # in units of 1/(n m), so that which multiples are equal is no question of rounding
    ends = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m + 1) * n]).sort().values
    begins = torch.cat([ends.new_zeros(1), ends[:-1]])
    share = ((ends - begins).double() / (n * m)).to(x)
    of_x, of_y = ((begins // part).clamp(max=size - 1).to(x.device) for part, size in ((m, n), (n, m)))
    return (x[:, of_x] - y[:, of_y]).abs().pow(power) @ share


def sorted_rows(x: Tensor) -> Tensor:
    """Each row in order. On processors by NumPy, whose sort is vectorised: a tenth of the time."""
    if x.device.type != "cpu" or x.requires_grad:
        return x.contiguous().sort(1).values
    return torch.as_tensor(np.sort(x.detach().contiguous().numpy(), axis=1))


def wasserstein_of_masses(p: Tensor, q: Tensor, points: Tensor) -> Tensor:
    """``W₁`` between masses p and q [k] on points [k] or [k, dimension]; differentiable in the masses.

    On a line, the area between the distribution functions; elsewhere as `wasserstein`.
    """
    if points.dim() == 1:
        order = points.argsort()
        return ((p - q)[order].cumsum(0).abs()[:-1] * points[order].diff()).sum()
    moved, unit = _simplex(p, q, points, points)
    return moved * unit


def _simplex(p: Tensor, q: Tensor, x: Tensor, y: Tensor, power: int = 1) -> tuple[Tensor, float]:
    """The least cost ``(‖xᵢ − yⱼ‖ / unit)^power`` of moving masses p [n] at x to masses q [m] at y, and the unit.

    The unit is the largest distance: the simplex takes costs below about 1e-14 for zero.
    """
    ot, axis = pot(), _unit(x, y)
    # Not by a matrix product, which leaves copies of a point 1e-8 apart.
    distance = torch.cdist(x / axis, y / axis, compute_mode="donot_use_mm_for_euclid_dist")
    largest = float(distance.max()) or 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same sentence is in the log
        moved, log = ot.emd2(p, q, (distance / largest).pow(power), numItermax=10_000_000, log=True)
    if log["warning"] is not None:
        raise ArithmeticError(f"transport between {len(x)} and {len(y)} points: {log['warning']}")
    return torch.as_tensor(moved), largest * axis


def _unit(x: Tensor, y: Tensor) -> float:
    """A power of two, which changes no digit, near the largest difference of x [n, d] and y [m, d] along an axis."""
    apart = torch.maximum(x.amax(0) - y.amin(0), y.amax(0) - x.amin(0))
    largest = float(apart.max())
    return math.ldexp(1.0, max(-1000, min(1000, math.frexp(largest)[1]))) if largest > 0 else 1.0


def pot() -> Any:
    """The library POT, imported at its first use (half a second) with no array library but NumPy and PyTorch.

    Left alone, it imports each array library that is installed and asks it for its devices: JAX then takes most of a
    GPU's memory, and TensorFlow all of it.
    """
    for other in ("JAX", "CUPY", "TENSORFLOW"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{other}", "1")
    with warnings.catch_warnings():  # of escapes in its docstrings, where this import is the first and compiles it
        warnings.filterwarnings("ignore", ".*invalid escape sequence")
        return importlib.import_module("ot")
