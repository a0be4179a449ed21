"""The flow down the maximum mean discrepancy."""

import torch
from torch import Tensor

from nashpath.core import Count, Key, Positive, Source
from nashpath.core.math.kernel import kernel_mean
from nashpath.flows.base import Field, Flow, FlowMemory


class MMDFlow(Flow):
    """MMD flow: particles descend the witness function between themselves and real samples.

    ::

        dx = −∇w(x) dt,   w(x) = 1/n Σ_i k(x, x_i) − 1/m Σ_j k(x, y_j),   k = exp(−‖a − b‖² / (2 bandwidth²))
        d/dt ½ MMD²(q_t, p) = −E_q ‖∇w‖²

    ``references`` real samples y are drawn once. The divergence of its fields is ``½ MMD²`` (without the constant
    ``½ E k(y, y')``), pairs of one particle with itself included.

    Reference: Arbel, Korba, Salim & Gretton 2019, "Maximum Mean Discrepancy Gradient Flow", Eqs. 2 and 6.
    """

    def __init__(self, data: Source, bandwidth: Positive = 0.5, references: Count = 1000):
        super().__init__(bandwidth=bandwidth)
        self.data, self.references = data, references

    def init(self, particles: Tensor, key: Key) -> FlowMemory:
        return {"real": self.data.draw(key, self.references)["real"].flatten(1)}

    def field(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> Field:
        flat = points.flatten(1)
        own, push = self._mean_and_slope(flat, particles.flatten(1))
        real, pull = self._mean_and_slope(flat, memory["real"])
        velocity = pull - push
        return Field(velocity.reshape(points.shape), (own / 2 - real).mean(), velocity.square().sum(1).mean())

    def _mean_and_slope(self, x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
        """``mean_j k(x, c_j)`` and its gradient."""
        values = torch.cat([torch.ones_like(centres[:, :1]), centres], 1)
        sums = kernel_mean(x, centres, values, self.bandwidth)
        return sums[:, 0], (sums[:, 1:] - sums[:, :1] * x) / self.bandwidth**2
