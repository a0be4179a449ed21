"""How far particles are from real samples, from the two samples alone."""

import math

import torch
from torch import Tensor

from nashpath.core.math.kernel import exponents, kernel_density
from nashpath.core.math.mmd import gaussian_mmd
from nashpath.core.math.transport import wasserstein


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
    return float(gaussian_mmd(x, y, bandwidth)[0])


def wasserstein2(x: Tensor, y: Tensor) -> float:
    """The exact ``W₂`` between two samples, [n, d] and [m, d], of equal weights.

    Reference: Peyré & Cuturi 2019, "Computational Optimal Transport", Sec. 3.5.
    """
    return wasserstein(x, y, power=2)
