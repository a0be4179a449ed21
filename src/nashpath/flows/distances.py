"""How far particles are from real samples, from the two samples alone."""

import math
from typing import Any

import torch
from torch import Tensor

from nashpath.flows.kernel import exponents, kernel_density, kernel_mean


def smoothed_kl(x: Tensor, y: Tensor, bandwidth: float) -> float:
    """``KL(q‖p)`` between the kernel density estimates of x ~ q, [n, d], and y ~ p, [m, d], at the points x.

    ``1/n Σ_i [log q̂(x_i) − log p̂(x_i)]``, where x_i does not count itself. Both densities are smoothed alike, so it
    sees nothing finer than the bandwidth; it may be slightly negative near zero.

    Reference: Joe 1989, "Estimation of entropy and other functionals of a multivariate density"; Wand & Jones 1995,
    "Kernel Smoothing", Ch. 4.
    """
    others = torch.logsumexp(exponents(x, bandwidth)(x).fill_diagonal_(-torch.inf), 1) - math.log(len(x) - 1)
    return float((others - kernel_density(x, y, bandwidth)[0]).mean())


def mmd_squared(x: Tensor, y: Tensor, bandwidth: float) -> float:
    """The unbiased estimate of ``MMD²`` with a Gaussian kernel, from x [n, d] and y [m, d]; it may be negative.

    Reference: Gretton, Borgwardt, Rasch, Schölkopf & Smola 2012, "A Kernel Two-Sample Test", Lemma 6.
    """
    one_x, one_y = torch.ones_like(x[:, :1]), torch.ones_like(y[:, :1])
    within = [
        (len(a) * kernel_mean(a, a, one, bandwidth).mean() - 1) / (len(a) - 1) for a, one in ((x, one_x), (y, one_y))
    ]
    return float(within[0] + within[1] - 2 * kernel_mean(x, y, one_y, bandwidth).mean())


def wasserstein2(x: Tensor, y: Tensor) -> float:
    """The exact ``W₂`` between two samples, [n, d] and [m, d], of equal weights, by POT's network simplex.

    Reference: Peyré & Cuturi 2019, "Computational Optimal Transport", Sec. 3.5.
    """
    import ot  # takes half a second to import

    cost = torch.cdist(x.double(), y.double()).square().cpu().numpy()
    uniform_x, uniform_y = ([1 / len(a)] * len(a) for a in (x, y))
    squared: Any = ot.emd2(uniform_x, uniform_y, cost, numItermax=1_000_000)
    return math.sqrt(max(float(squared), 0.0))
