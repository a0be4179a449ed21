"""Noise and the score."""

from torch import Tensor

from nashpath.flows.base import Field, Flow, FlowMemory
from nashpath.flows.score import Score


class Langevin(Flow):
    """Unadjusted Langevin dynamics: the same densities as the reverse-KL flow, by noise instead of by ∇log q.

    ``dx = ∇log p(x) dt + √2 dW``. ``score`` is ∇log p, [n, d] to [n, d]. With steps of length ε the particles
    settle at a density O(ε) away from p.

    Reference: Jordan, Kinderlehrer & Otto 1998, "The Variational Formulation of the Fokker-Planck Equation"; Roberts
    & Tweedie 1996, "Exponential convergence of Langevin distributions and their discrete approximations".
    """

    noisy = True

    def __init__(self, score: Score):
        super().__init__()
        self.score = score

    def field(self, points: Tensor, particles: Tensor, memory: FlowMemory) -> Field:
        return Field(self.score(points))
