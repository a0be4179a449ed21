"""The Kullback-Leibler divergence from the model to the data: what maximum likelihood minimises."""

from torch import Tensor

from nashpath.metrics.divergences.base import DensityDivergence


class KL(DensityDivergence):
    """Kullback-Leibler divergence of the data p from the model q, in nats; infinite where q misses mass of p.

    ``KL(p‖q) = E_p d`` with ``d = log p − log q``.

    Reference: Kullback & Leibler 1951, "On Information and Sufficiency".
    """

    def on_p(self, d: Tensor) -> Tensor:
        return d
