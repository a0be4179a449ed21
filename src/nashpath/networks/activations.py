"""Activations by name, and a rectifier whose second derivative costs nothing."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu as leaky_relu_of
from torch.nn.functional import relu, threshold

from nashpath.core.table import Table
from nashpath.core.torch_compat import has_values, is_first_order, is_plain_pass


class Rectifier(nn.Module):
    """``max(x, slope · x)``: ReLU for slope 0, leaky ReLU otherwise, written so that a gradient penalty is cheaper.

    PyTorch's own rectifiers have a second derivative of explicit zeros, which a gradient penalty then multiplies by
    every weight matrix below: a ninth of all matrix products of an MLP GAN with DRAGAN. A choice, or a product with a
    constant, has none. Same values and gradients. Where nothing differentiates, or autograd alone records (a penalty's
    slope is one of `torch.func`), PyTorch's own are used: outside of the compiler a choice costs up to forty times as
    much.

    Reference: Nair and Hinton 2010; Maas et al. 2013 for the leaky form.
    """

    def __init__(self, slope: float = 0.0):
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        if is_first_order() or is_plain_pass():
            return relu(x) if self.slope == 0 else leaky_relu_of(x, self.slope)
        if self.slope == 0:
            return torch.where(x <= 0, 0.0, x)  # what is no number stays none
        if has_values():  # the same numbers as below: a choice takes three times as long on small tensors
            return x * threshold(x.detach().sign(), 0.0, self.slope)
        return x * torch.where(x > 0, x.new_ones(()), x.new_full((), self.slope))  # not of numbers: they are float32

    def extra_repr(self) -> str:
        return f"slope={self.slope:g}"


Activation = Literal["relu", "leaky_relu", "softplus", "tanh", "silu"]


def leaky_relu() -> nn.Module:
    """``max(x, 0.2 x)``, with the slope of Radford et al. 2016."""
    return Rectifier(0.2)


ACTIVATIONS = Table(
    "activation",
    {"relu": Rectifier, "leaky_relu": leaky_relu, "softplus": nn.Softplus, "tanh": nn.Tanh, "silu": nn.SiLU},
)
