"""Sums over all pairs with a Gaussian kernel, a block of rows at a time: memory grows with the count of particles."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

BLOCK_BYTES = 1 << 25
"""The largest block of pairs that is held at once; a few such blocks live at a time."""


def by_rows(function: Callable[[Tensor], tuple[Tensor, ...]], rows: Tensor, row_bytes: int) -> tuple[Tensor, ...]:
    """``function(rows)``, computed for some rows at a time; each row's result may depend on that row alone."""
    most = max(1, BLOCK_BYTES // max(1, row_bytes))
    if len(rows) <= most:
        return function(rows)
    parts = [function(rows[start : start + most]) for start in range(0, len(rows), most)]
    return tuple(torch.cat(columns) for columns in zip(*parts))


def exponents(points: Tensor, centres: Tensor, bandwidth: Tensor | float) -> Tensor:
    """``−‖xᵢ − cⱼ‖² / (2 bandwidth²)``, [points, centres], by one matrix product around the centres' mean."""
    origin = centres.mean(0)
    x, c = (points - origin) / bandwidth, (centres - origin) / bandwidth
    return (x @ c.mT - x.square().sum(1)[:, None] / 2 - c.square().sum(1) / 2).clamp_max(0)


def kernel_mean(points: Tensor, centres: Tensor, values: Tensor, bandwidth: Tensor | float) -> Tensor:
    """``1/m Σⱼ k(xᵢ, cⱼ) valuesⱼ`` with ``k = exp(exponents)``: [n, d], [m, d], [m, v] to [n, v]."""

    def some(x):
        return (torch.exp(exponents(x, centres, bandwidth)) @ values / len(centres),)

    return by_rows(some, points, 4 * len(centres))[0]


def kernel_density(points: Tensor, centres: Tensor, bandwidth: Tensor | float) -> tuple[Tensor, Tensor]:
    """Logarithm of the kernel density estimate at the points (up to a constant), [n], and its gradient, [n, d]."""

    def some(x):
        exponent = exponents(x, centres, bandwidth)
        value = torch.logsumexp(exponent, 1)
        mean = torch.exp(exponent - value[:, None]) @ centres
        return value, (mean - x) / bandwidth**2

    value, slope = by_rows(some, points, 4 * len(centres))
    return value - math.log(len(centres)), slope
