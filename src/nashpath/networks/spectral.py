"""Spectral normalisation as a wrapper without hidden writes, so that it stacks and works under a gradient penalty.

Where the stock parametrisation runs its power iteration inside ``forward``, here `SpectralNorm.advance` does it, once
before the player's turn; ``forward`` is a pure function of weights and the vector ``u``.
"""

from typing import cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nashpath.core.hyperparameters import Stateful
from nashpath.core.math.spectral import leading_vector, power_step, weight_matrix
from nashpath.networks.wrapping import check_weighted, wrap_layers


class SpectralNorm(Stateful):
    """Divides a layer's weight by its largest singular value: ``W / sigma`` with ``sigma = |Wᵀu|``.

    ``W`` is the weight as a matrix with one row per output. ``u`` (the state, ``[outputs]``) starts as the exact
    leading left singular vector, and `advance` renews it by one power iteration, ``v = Wᵀu / |Wᵀu|``,
    ``u = Wv / |Wv|``. With ``v = Wᵀu / |Wᵀu|``, ``|Wᵀu| = uᵀWv``, and since ``v`` maximises ``uᵀWv``, the gradient
    is the usual ``u vᵀ``; unlike with a constant ``v``, the second derivative in ``W`` is right as well. In a loop of
    your own, call `advance` once per step on each `SpectralNorm` of ``network.modules()``.

    Shapes: those of the wrapped layer, which stays reachable as ``layer``.

    Raises ValueError if the layer has no plain parameter ``weight`` with at least two axes.

    Reference: Miyato et al. 2018 (arXiv 1802.05957), section 2 and algorithm 1.
    """

    u: Tensor

    def __init__(self, layer: nn.Module):
        super().__init__()
        check_weighted(layer, "spectral norm")
        self.layer = layer
        self.register_buffer("u", leading_vector(self._matrix().detach()))

    def _weight(self) -> Tensor:
        return cast(Tensor, self.layer.weight)

    def _matrix(self) -> Tensor:
        return weight_matrix(self.layer)

    def sigma(self) -> Tensor:
        """The largest singular value of the weight as ``u`` estimates it from below, a scalar."""
        with torch.autocast(self.u.device.type, enabled=False):
            return torch.linalg.vector_norm(self._matrix().mT @ self.u).clamp_min(1e-12)

    def advance(self) -> None:
        with torch.autocast(self.u.device.type, enabled=False):
            self.u = power_step(self._matrix().detach(), self.u)

    def forward(self, x: Tensor) -> Tensor:
        return functional_call(self.layer, {"weight": self._weight() / self.sigma()}, (x,))


def spectral_norm(network: nn.Module) -> nn.Module:
    """Wraps every linear and convolutional layer of ``network`` in `SpectralNorm`, in place, and returns it.

    If ``network`` is itself such a layer, the wrapper is returned. A layer that occurs twice gets one wrapper; layers
    that are wrapped already stay as they are. Raises ValueError if there is no such layer, or if one is inside an
    ``nn.MultiheadAttention``, which reads weights past their layer.
    """
    return wrap_layers(network, SpectralNorm, "spectral norm")
