"""The Kullback-Leibler divergence the other way round: it forgives a model that covers only part of the data."""

from torch import Tensor

from nashpath.metrics.divergences.base import DensityDivergence


class ReverseKL(DensityDivergence):
    """Kullback-Leibler divergence of the model q from the data p, in nats; infinite where p misses mass of q.

    ``KL(q‖p) = −E_q d`` with ``d = log p − log q``.

    Reference: Kullback & Leibler 1951, "On Information and Sufficiency"; Nowozin, Cseke & Tomioka 2016, "f-GAN",
    Table 1.
    """

    def on_q(self, d: Tensor) -> Tensor:
        return -d
