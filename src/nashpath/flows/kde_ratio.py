"""The log ratio of two kernel density estimates."""

from torch import Tensor

from nashpath.core import Count, Key, Positive, Source
from nashpath.core.math.kernel import kernel_density
from nashpath.flows.base import FlowMemory, Ratio


class KDERatio(Ratio):
    """Log ratio of two kernel density estimates of one bandwidth: of real samples, and of the particles.

    ``d(x) = log 1/m Σ_j k(x, y_j) − log 1/n Σ_i k(x, x_i)``, ``k = exp(−‖a − b‖² / (2 bandwidth²))``, with
    ``references`` real samples y drawn once. One bandwidth for both, so that the flow rests where p = q. The cost
    of a step is particles × (particles + references).

    Reference: Liu, Zhuo, Cheng, Zhang, Zhu & Carin 2019, "Understanding and Accelerating Particle-Based Variational
    Inference", Sec. 3 (density smoothing); Wand & Jones 1995, "Kernel Smoothing", Ch. 4.
    """

    def __init__(self, data: Source, bandwidth: Positive = 0.2, references: Count = 1000):
        super().__init__(bandwidth=bandwidth)
        self.data, self.references = data, references

    def init(self, particles: Tensor, key: Key) -> FlowMemory:
        return {"real": self.data.draw(key, self.references)["real"].flatten(1)}

    def log_ratio(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> tuple[Tensor, Tensor]:
        flat = points.flatten(1)
        log_p, towards = kernel_density(flat, memory["real"], self.bandwidth)
        log_q, within = kernel_density(flat, particles.flatten(1), self.bandwidth)
        return log_p - log_q, (towards - within).reshape(points.shape)
