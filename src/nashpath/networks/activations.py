"""Activations by name."""

from typing import Literal

from torch import nn

from nashpath.core.table import Table
from nashpath.networks.rectifier import Rectifier

Activation = Literal["relu", "leaky_relu", "softplus", "tanh", "silu"]


def leaky_relu() -> nn.Module:
    """``max(x, 0.2 x)``, with the slope of Radford et al. 2016."""
    return Rectifier(0.2)


ACTIVATIONS = Table(
    "activation",
    {"relu": Rectifier, "leaky_relu": leaky_relu, "softplus": nn.Softplus, "tanh": nn.Tanh, "silu": nn.SiLU},
)
