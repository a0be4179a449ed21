"""The Jensen-Shannon divergence: what the minimax game measures when its discriminator is optimal."""

import math

from torch import Tensor
from torch.nn.functional import softplus

from nashpath.metrics.divergences.base import DensityDivergence


class JS(DensityDivergence):
    """Jensen-Shannon divergence in nats, between 0 and log 2.

    ``JS = ½ KL(p‖m) + ½ KL(q‖m)`` with ``m = (p + q)/2``, which is
    ``½ E_p [log 2 − softplus(−d)] + ½ E_q [log 2 − softplus(d)]``: no term exceeds ½ log 2.

    Reference: Lin 1991, "Divergence Measures Based on the Shannon Entropy"; Goodfellow et al. 2014, Theorem 1.
    """

    def on_p(self, d: Tensor) -> Tensor:
        return (math.log(2) - softplus(-d)) / 2

    def on_q(self, d: Tensor) -> Tensor:
        return (math.log(2) - softplus(d)) / 2
