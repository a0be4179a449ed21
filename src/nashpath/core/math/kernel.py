"""Sums over all pairs with a Gaussian kernel, a block of rows at a time: memory grows with the count of particles."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

BLOCK_BYTES = 1 << 22
"""The largest block of pairs that is held at once: small enough to stay in the cache between passes."""


FAINT = -80.0
"""Exponents below count as this: ``exp`` of less is a denormal number, with which processors are many times slower."""


def by_rows(function: Callable[[Tensor], tuple[Tensor, ...]], rows: Tensor, row_bytes: int) -> tuple[Tensor, ...]:
    """``function(rows)``, computed for some rows at a time; each row's result may depend on that row alone."""
    most = max(1, BLOCK_BYTES // max(1, row_bytes))
    if len(rows) <= most:
        return function(rows)
    parts = [function(rows[start : start + most]) for start in range(0, len(rows), most)]
    return tuple(torch.cat(columns) for columns in zip(*parts))


def exponents(centres: Tensor, bandwidth: Tensor | float) -> Callable[[Tensor], Tensor]:
    """The function from points x to ``−‖xᵢ − cⱼ‖² / (2 bandwidth²)``, [points, centres].

    One matrix product around the centres' mean: far from the origin it would lose all digits in float32.
    """
    origin = centres.mean(0)
    c = (centres - origin) / bandwidth
    ends = -c.square().sum(1) / 2

    def of(points):
        x = (points - origin) / bandwidth
        return torch.addmm(ends, x, c.mT).sub_(x.square().sum(1)[:, None] / 2).clamp_max_(0)

    return of


def kernel_mean(points: Tensor, centres: Tensor, values: Tensor, bandwidth: Tensor | float) -> Tensor:
    """``1/m Σⱼ k(xᵢ, cⱼ) valuesⱼ`` with ``k`` the exponential of `exponents`: [n, d], [m, d], [m, v] to [n, v]."""
    exponent_of = exponents(centres, bandwidth)

    def some(x):
        return (exponent_of(x).clamp_min_(FAINT).exp_() @ values / len(centres),)

    return by_rows(some, points, 4 * len(centres))[0]


def kernel_density(points: Tensor, centres: Tensor, bandwidth: Tensor | float) -> tuple[Tensor, Tensor]:
    """Logarithm of the kernel density estimate at the points (up to a constant), [n], and its gradient, [n, d]."""
    exponent_of = exponents(centres, bandwidth)

    def some(x):
        exponent = exponent_of(x)
        largest = exponent.amax(1, keepdim=True)
        sums = exponent.sub_(largest).clamp_min_(FAINT).exp_() @ values
        return (largest + sums[:, :1].log())[:, 0], (sums[:, 1:] / sums[:, :1] - x) / bandwidth**2

    values = torch.cat([torch.ones_like(centres[:, :1]), centres], 1)
    value, slope = by_rows(some, points, 4 * len(centres))
    return value - math.log(len(centres)), slope
