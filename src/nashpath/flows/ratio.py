"""Estimates of a flow's log ratio: ``d(x) = log p(x) − log q(x)``, p the target, q the particles' density now."""

import torch
from torch import Tensor
from torch.func import grad

from nashpath.core import Batch, Hyperparameters
from nashpath.core.math.kernel import by_rows
from nashpath.core.shapes import LogDensity
from nashpath.flows.base import FlowMemory


class Ratio(Hyperparameters):
    """An estimate of the log ratio and of its gradient. Abstract: subclasses write `log_ratio`."""

    def init(self, particles: Tensor, rng: torch.Generator) -> FlowMemory:
        """The memory before the first step."""
        return {}

    def draw(self, rng: torch.Generator, count: int) -> Batch:
        """All randomness of one `learn` on ``count`` particles."""
        return {}

    def learn(self, particles: Tensor, memory: FlowMemory, batch: Batch) -> FlowMemory:
        """Brings the estimate closer to where the particles are now."""
        return memory

    def log_ratio(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> tuple[Tensor, Tensor]:
        """``(d, ∇d)`` at ``points``: [n] and [n, *shape]."""
        raise NotImplementedError


def with_gradient(function: LogDensity, points: Tensor, row_bytes: int = 1024) -> tuple[Tensor, Tensor]:
    """``(f(x), ∇f(x))`` for a function of each row alone: [n] and [n, *shape]."""

    def total(x):
        value = function(x).reshape(len(x))
        return value.sum(), value

    def some(x):
        slope, value = grad(total, has_aux=True)(x)
        return value, slope

    value, slope = by_rows(some, points, row_bytes)
    return value, slope
