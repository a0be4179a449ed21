"""Weight normalisation as a wrapper that stacks, and its initialisation from data."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nashpath.core.math.spectral import weight_matrix
from nashpath.core.torch_compat import TRANSPOSED_CONVOLUTIONS
from nashpath.networks.wrapping import check_weighted, wrap_layers


class WeightNorm(nn.Module):
    """Tells a layer's weight by its direction and its scale, one scale an output.

    ::

        W = g · V / ‖V‖,   ‖V‖ over all that leads to one output

    ``V`` is the layer's own ``weight``, and ``g`` starts as ``‖V‖``, so that nothing changes at first; `initialise`
    chooses it (and the bias) from data. With ``learned`` False ``g`` is a constant that only `initialise` sets, as in
    the hidden layers of the released networks of Salimans et al. 2016. Shapes: those of the wrapped layer.

    Raises ValueError if the layer has no plain parameter ``weight`` with at least two axes.

    Reference: Salimans & Kingma 2016, "Weight Normalization" (arXiv 1602.07868), Eq. 2.
    """

    g: Tensor

    def __init__(self, layer: nn.Module, learned: bool = True):
        super().__init__()
        check_weighted(layer, "weight normalisation")
        self.layer, self.deviation = layer, 1.0
        norms = self._norms().detach()
        if learned:
            self.g = nn.Parameter(norms)
        else:
            self.register_buffer("g", norms)

    def _norms(self) -> Tensor:
        return (1e-6 + weight_matrix(self.layer).square().sum(1)).sqrt()

    def weight(self) -> Tensor:
        """The weight that the layer is used with."""
        weight = cast(Tensor, self.layer.weight)
        scale, axes = self.g / self._norms(), [1] * weight.dim()
        axes[1 if isinstance(self.layer, TRANSPOSED_CONVOLUTIONS) else 0] = -1
        return weight * scale.reshape(axes)

    def forward(self, x: Tensor) -> Tensor:
        return functional_call(self.layer, {"weight": self.weight()}, (x,))


def weight_norm(network: nn.Module) -> nn.Module:
    """Wraps every linear and convolutional layer of ``network`` in `WeightNorm`, in place, and returns it.

    If ``network`` is itself such a layer, the wrapper is returned. A layer that occurs twice gets one wrapper. Raises
    ValueError if there is no such layer, or if one is inside an ``nn.MultiheadAttention``, as `spectral_norm`.
    """
    return wrap_layers(network, WeightNorm, "weight normalisation")


@torch.no_grad()
def initialise(network: nn.Module, x: Tensor) -> None:
    """Chooses scale and bias of every `WeightNorm` so that its outputs over ``x`` have mean 0 and deviation 1.

    ::

        t = W x,   g ← g · s / σ[t],   b ← −μ[t] · s / σ[t]

    layer after layer in one pass, each seeing what the ones before give then; ``s`` is the layer's ``deviation`` (1; in
    the released networks 0.1 for some last layers). Mean and deviation are over the batch, and over positions of
    images. In place; a network without such layers stays as it is. ``x``: [batch, ...].

    Reference: Salimans & Kingma 2016, Eq. 5 and 6; openai/improved_gan ``mnist_svhn_cifar10/nn.py`` (``init=True``).
    """

    def fitted(module: Any, inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        layer = module.layer
        bias = layer.bias
        axes = [0, *range(2, output.dim())]
        shape = [1, -1, *[1] * (output.dim() - 2)]
        plain = output if bias is None else output - bias.reshape(shape)
        mean = plain.mean(axes)
        by = module.deviation / (plain - mean.reshape(shape)).square().mean(axes).sqrt().clamp_min(1e-6)
        module.g.copy_(module.g * by)
        if bias is None:
            return plain * by.reshape(shape)
        bias.copy_(-mean * by)
        return (plain - mean.reshape(shape)) * by.reshape(shape)

    hooks = [part.register_forward_hook(fitted) for part in network.modules() if isinstance(part, WeightNorm)]
    try:
        if hooks:
            network(x)
    finally:
        for hook in hooks:
            hook.remove()
