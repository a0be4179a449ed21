"""The squared maximum mean discrepancy, ``MMD² = E k(x, x') + E k(y, y') − 2 E k(x, y)``.

Of two samples, unbiased, from any kernel's row means: no point is compared with itself. Of masses on known points, as
the quadratic form that it is.

Reference: Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012, "A Kernel Two-Sample Test", Lemma 6 and Sec. 6.
"""

import torch
from torch import Tensor

from nashpath.core.math.kernel import exponents, kernel_mean


def mean_over_others(kernel: Tensor) -> Tensor:
    """Each point's mean kernel with the *other* points of its sample, [n], from all pairs of the sample, [n, n]."""
    return (kernel.sum(1) - kernel.diagonal()) / (len(kernel) - 1)


def unbiased_mmd(within: tuple[Tensor, Tensor], across: Tensor) -> Tensor:
    """``MMD²``, a scalar that may be negative, from the means `mean_over_others` of both samples and across them."""
    return within[0].mean() + within[1].mean() - 2 * across.mean()


def mmd_error(within: tuple[Tensor, Tensor], across: tuple[Tensor, Tensor]) -> Tensor:
    """The standard error of `unbiased_mmd`, ``(4 Var h(x)/n + 4 Var h(y)/m)^½`` with h = within − across, [n] and [m].

    Right to first order. Where the two distributions agree there is no first order: h is then sampling noise of the
    means over the other sample, and the error is too large, by up to a factor √2 for samples of one size.
    """
    variance = [4 * (own - other).var() / len(own) for own, other in zip(within, across)]
    return (variance[0] + variance[1]).sqrt()


def gaussian_mmd(x: Tensor, y: Tensor, bandwidth: float | Tensor) -> tuple[Tensor, Tensor]:
    """``MMD²`` and its error with ``k = exp(−‖a − b‖² / (2 bandwidth²))``, from x [n, d] and y [m, d], in blocks."""
    ones = torch.ones_like(x[:, :1]), torch.ones_like(y[:, :1])
    others = [(len(a) * kernel_mean(a, a, one, bandwidth)[:, 0] - 1) / (len(a) - 1) for a, one in zip((x, y), ones)]
    across = kernel_mean(x, y, ones[1], bandwidth)[:, 0], kernel_mean(y, x, ones[0], bandwidth)[:, 0]
    within = others[0], others[1]
    return unbiased_mmd(within, across[0]), mmd_error(within, across)


def mmd_of_masses(p: Tensor, q: Tensor, points: Tensor, bandwidth: float | Tensor = 1.0) -> Tensor:
    """``(p − q)ᵀ K (p − q)`` of masses [k] on points [k] or [k, dimension], with the same kernel; differentiable."""
    rows = points[:, None] if points.dim() == 1 else points
    return (p - q) @ exponents(rows, rows, bandwidth).exp() @ (p - q)
