"""The log ratio from densities that are known."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nashpath.core.shapes import LogDensity
from nashpath.flows.base import FlowMemory, Ratio, with_gradient


def gaussian_of(particles: Tensor) -> LogDensity:
    """The log density of the Gaussian with the particles' own mean and covariance; particles are [n, d].

    NaN where the covariance is singular, as of particles on a line.
    """
    mean, dimension = particles.mean(0), particles.shape[1]
    away = particles - mean
    root, fault = torch.linalg.cholesky_ex(away.mT @ away / len(particles))
    root = torch.where(fault == 0, root, torch.nan)
    constant = root.diagonal(dim1=-2, dim2=-1).log().sum(-1) + dimension / 2 * math.log(2 * math.pi)

    def log_density(x):
        white = torch.linalg.solve_triangular(root, (x - mean).mT, upper=False)
        return -white.square().sum(0) / 2 - constant

    return log_density


class DensityRatio(Ratio):
    """Log ratio from the target's exact density, and a model of the particles' density fitted at every step.

    ``d(x) = target(x) − model(particles)(x)``. ``target`` is the log density of p. ``model`` makes a log density
    from particles, by default the Gaussian of their mean and covariance: exact for the reverse-KL (logit) flow
    between Gaussians, whose particles stay Gaussian, a projection otherwise. For a q that is known as it stands, give
    ``lambda particles: log_q``.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 3.
    """

    def __init__(self, target: LogDensity, model: Callable[[Tensor], LogDensity] = gaussian_of):
        super().__init__()
        self.target, self.model = target, model

    def log_ratio(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> tuple[Tensor, Tensor]:
        log_q = self.model(particles)
        return with_gradient(lambda x: self.target(x) - log_q(x), points)
