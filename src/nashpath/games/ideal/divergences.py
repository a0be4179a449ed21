"""Divergences between explicit distributions: masses on a common finite support, or a density on a fine grid.

``p`` and ``q`` are tensors [k] of masses that sum to 1. All logarithms are natural. Differentiable in the masses.
"""

import torch
from torch import Tensor

from nashpath.core.math.transport import pot


def kl(p: Tensor, q: Tensor) -> Tensor:
    """``KL(p‖q) = Σ p log(p/q)``; infinite where p has mass and q has none."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def js(p: Tensor, q: Tensor) -> Tensor:
    """``JS(p‖q) = ½ KL(p‖m) + ½ KL(q‖m)``, m = (p + q)/2; between 0 and log 2."""
    middle = (p + q) / 2
    return (kl(p, middle) + kl(q, middle)) / 2


def total_variation(p: Tensor, q: Tensor) -> Tensor:
    """``½ Σ |p − q|``, between 0 and 1; the supremum of ``E_p f − E_q f`` over |f| ≤ ½."""
    return (p - q).abs().sum() / 2


def wasserstein(p: Tensor, q: Tensor, points: Tensor) -> Tensor:
    """The earth mover's distance W₁ for the Euclidean cost, on support ``points`` [k] or [k, dimension].

    On a line, the area between the distribution functions; elsewhere, the linear programme.
    """
    if points.dim() == 1:
        order = points.argsort()
        return ((p - q)[order].cumsum(0).abs()[:-1] * points[order].diff()).sum()
    return torch.as_tensor(pot().emd2(p, q, torch.cdist(points, points)))


def mmd_squared(p: Tensor, q: Tensor, points: Tensor, bandwidth: float | Tensor = 1.0) -> Tensor:
    """``(p − q)ᵀ K (p − q)`` with the Gaussian kernel ``exp(−‖a − b‖² / (2 bandwidth²))``; points as above."""
    rows = points[:, None] if points.dim() == 1 else points
    squared = (rows[:, None] - rows).square().sum(-1)
    return (p - q) @ torch.exp(-0.5 * squared / bandwidth**2) @ (p - q)
