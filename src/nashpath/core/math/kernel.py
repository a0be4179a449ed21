"""Sums over all pairs with a Gaussian kernel, a block of rows at a time: memory grows with the count of particles."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nashpath.core.math.distances import scaled_distances

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


def exponents(points: Tensor, centres: Tensor, bandwidth: Tensor | float) -> Tensor:
    """``−‖xᵢ − cⱼ‖² / (2 bandwidth²)``, [points, centres]: the logarithm of the Gaussian kernel."""
    return scaled_distances(points, centres, -0.5 / bandwidth**2).clamp_max_(0)


def kernel_mean(points: Tensor, centres: Tensor, values: Tensor, bandwidth: Tensor | float) -> Tensor:
    """``1/m Σⱼ k(xᵢ, cⱼ) valuesⱼ`` with ``k`` the exponential of `exponents`: [n, d], [m, d], [m, v] to [n, v]."""

    def some(x: Tensor) -> tuple[Tensor]:
        return (exponents(x, centres, bandwidth).clamp_min_(FAINT).exp_() @ values / len(centres),)

    return by_rows(some, points, 4 * len(centres))[0]


def kernel_density(points: Tensor, centres: Tensor, bandwidth: Tensor | float) -> tuple[Tensor, Tensor]:
    """Logarithm of the kernel density estimate at the points (up to a constant), [n], and its gradient, [n, d]."""

    def some(x: Tensor) -> tuple[Tensor, Tensor]:
        exponent = exponents(x, centres, bandwidth)
        largest = exponent.amax(1, keepdim=True)
        sums = exponent.sub_(largest).clamp_min_(FAINT).exp_() @ values
        return (largest + sums[:, :1].log())[:, 0], (sums[:, 1:] / sums[:, :1] - x) / bandwidth**2

    values = torch.cat([torch.ones_like(centres[:, :1]), centres], 1)
    value, slope = by_rows(some, points, 4 * len(centres))
    return value - math.log(len(centres)), slope


def smoothed_kl(x: Tensor, y: Tensor, bandwidth: float) -> float:
    """``KL(q‖p)`` between the kernel density estimates of x ~ q, [n, d], and y ~ p, [m, d], at the points x.

    ``1/n Σ_i [log q̂(x_i) − log p̂(x_i)]``, where x_i does not count itself. Both densities are smoothed alike, so it
    sees nothing finer than the bandwidth; it may be slightly negative near zero.

    Reference: Joe 1989, "Estimation of entropy and other functionals of a multivariate density"; Wand & Jones 1995,
    "Kernel Smoothing", Ch. 4.
    """
    others = torch.logsumexp(exponents(x, x, bandwidth).fill_diagonal_(-torch.inf), 1) - math.log(len(x) - 1)
    return float((others - kernel_density(x, y, bandwidth)[0]).mean())
