"""The squared maximum mean discrepancy of two samples, unbiased, from any kernel's row means."""

import torch
from torch import Tensor

from nashpath.core.math.kernel import kernel_mean


def unbiased(within: tuple[Tensor, Tensor], across: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """``MMD²`` and its standard error, ``(4 Var h(x)/n + 4 Var h(y)/m)^½``, two scalars.

    ``within`` is each point's mean kernel with the *other* points of its own sample, [n] and [m], ``across`` that with
    the points of the other sample. The error counts each sample's first-order influence h = within − across alone, so
    it is too small where the two distributions agree.

    Reference: Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012, "A Kernel Two-Sample Test", Lemma 6 and Sec. 6.
    """
    squared = within[0].mean() + within[1].mean() - 2 * across[0].mean()
    variance = [4 * (own - other).var() / len(own) for own, other in zip(within, across)]
    return squared, (variance[0] + variance[1]).sqrt()


def gaussian_mmd(x: Tensor, y: Tensor, bandwidth: float | Tensor) -> tuple[Tensor, Tensor]:
    """As `unbiased`, with the kernel ``exp(−‖a − b‖² / (2 bandwidth²))``, from x [n, d] and y [m, d], n and m ≥ 2."""
    ones = torch.ones_like(x[:, :1]), torch.ones_like(y[:, :1])
    others = [(len(a) * kernel_mean(a, a, one, bandwidth)[:, 0] - 1) / (len(a) - 1) for a, one in zip((x, y), ones)]
    across = kernel_mean(x, y, ones[1], bandwidth)[:, 0], kernel_mean(y, x, ones[0], bandwidth)[:, 0]
    return unbiased((others[0], others[1]), across)
