"""Stein variational gradient descent."""

import math

import torch
from torch import Tensor

from nashpath.core import NonNegative
from nashpath.core.math.distances import squared_distances
from nashpath.core.math.kernel import kernel_mean
from nashpath.flows.base import Field, Flow, FlowMemory
from nashpath.flows.score import Score

MOST = 1000
"""Maximum number of particles among which the median distance is taken."""


class SVGD(Flow):
    """Stein variational gradient descent: the score, averaged by a kernel, and a repulsion between particles.

    ::

        dx = 1/n Σ_i [k(x_i, x) ∇log p(x_i) + ∇_{x_i} k(x_i, x)] dt,   k = exp(−‖a − b‖² / (2 bandwidth²))

    ``score`` is ∇log p, [n, d] to [n, d]. ``bandwidth`` 0 takes the authors' choice at every step, ``med² / log(n + 1)
    = 2 bandwidth²`` (as in their code; the paper has log n), with the median of the distances between all particles,
    each to itself included; where more than half are 0, with their root mean square.

    Reference: Liu & Wang 2016, "Stein Variational Gradient Descent: A General Purpose Bayesian Inference Algorithm",
    Algorithm 1 and Sec. 5; dilinwang820/Stein-Variational-Gradient-Descent ``svgd.py``.
    """

    def __init__(self, score: Score, bandwidth: NonNegative = 0.0):
        super().__init__(bandwidth=bandwidth)
        self.score = score

    def field(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> Field:
        width = torch.where(self.bandwidth > 0, self.bandwidth, median_bandwidth(particles))
        one = torch.ones_like(particles[:, :1])
        sums = kernel_mean(points, particles, torch.cat([one, particles, self.score(particles)], 1), width)
        mass, middle, pull = sums.split([1, particles.shape[1], particles.shape[1]], 1)
        return Field(pull + (points * mass - middle) / width**2)


def median_bandwidth(particles: Tensor) -> Tensor:
    """``med / √(2 log(n + 1))``, a scalar; 1 where all particles are in one place, and none moves another."""
    some = particles[:: -(-len(particles) // MOST)]
    squares = squared_distances(some, some).clamp(min=0).flatten().sort().values
    median = (squares[(len(squares) - 1) // 2] + squares[len(squares) // 2]) / 2
    median = torch.where(median > 0, median, squares.mean())
    width = (median / (2 * math.log1p(len(particles)))).sqrt()
    return torch.where(width > 0, width, 1.0)
