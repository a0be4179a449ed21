"""The flow that GANs follow."""

import torch
from torch import Tensor

from nashpath.core import Batch, Key
from nashpath.core.math.monotone import Increasing, MonotoneFunction
from nashpath.flows.base import Field, Flow, FlowMemory, Ratio


class MonoFlow(Flow):
    """MonoFlow: particles climb an increasing function of the log ratio.

    ::

        dx = h'(d) ∇d dt = ∇h(d) dt,   d = log(p/q_t)
        d/dt KL(q_t‖p) = −E_q h'(d) ‖∇d‖² ≤ 0

    for every h with h' > 0: `MonotoneFunction` by name, or `UserMonotone`. ``ratio`` says where d comes from. The
    divergence of its fields is ``KL(q‖p) = −E_q d``. A slope h' beyond the root of the largest number (2e19 in 32
    bits) is that root, so that the direction is known still.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 3.
    """

    def __init__(self, ratio: Ratio, h: Increasing | None = None):
        super().__init__()
        self.ratio, self.h = ratio, h if h is not None else MonotoneFunction()

    def init(self, particles: Tensor, key: Key) -> FlowMemory:
        return self.ratio.init(particles, key)

    def draw(self, key: Key, count: int) -> Batch:
        return self.ratio.draw(key, count)

    def learn(self, particles: Tensor, memory: FlowMemory, batch: Batch) -> FlowMemory:
        return self.ratio.learn(particles, memory, batch)

    def field(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> Field:
        d, gradient = self.ratio.log_ratio(points, particles, memory)
        slope = self.h.slope(d).clamp_max(torch.finfo(d.dtype).max ** 0.5)
        velocity = slope.reshape(-1, *[1] * (points.dim() - 1)) * gradient
        return Field(velocity, -d.mean(), (velocity * gradient).flatten(1).sum(1).mean())
