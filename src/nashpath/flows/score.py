"""The score ∇log p of a target: what Langevin dynamics and SVGD know of it."""

import math
from collections.abc import Callable

from torch import Tensor

from nashpath.core import Key, Source
from nashpath.core.math.kernel import kernel_density
from nashpath.core.shapes import LogDensity
from nashpath.core.source import HasDensity, OnManifold
from nashpath.flows.base import with_gradient

Score = Callable[[Tensor], Tensor]
"""``[n, d] -> [n, d]``."""


def exact_score(log_density: LogDensity) -> Score:
    """The score of a known density, by automatic differentiation."""
    return lambda points: with_gradient(log_density, points)[1]


def kernel_score(samples: Tensor, bandwidth: float) -> Score:
    """The score of the kernel density estimate of ``samples`` [m, d]."""
    return lambda points: kernel_density(points, samples, bandwidth)[1]


def score_of(data: Source, key: Key, references: int = 1000, bandwidth: float = 0.2) -> Score:
    """The exact score where the source knows its density, else that of a kernel density estimate of its samples."""
    if isinstance(data, HasDensity) and not isinstance(data, OnManifold):
        return exact_score(data.log_density)
    return kernel_score(data.draw(key, references)["real"].flatten(1), bandwidth)


def longest_step(score: Score, samples: Tensor, key: Key) -> float:
    """``1 / L``, L the score's steepest change near ``samples`` [m, d]: Euler's steps are stable below ``2 / L``."""
    way = key.normal(samples.shape)
    way = 1e-3 * way / way.norm(dim=1, keepdim=True)
    steepest = float(((score(samples + way) - score(samples - way)).norm(dim=1) / 2e-3).max())
    return 1 / steepest if steepest > 0 else math.inf
