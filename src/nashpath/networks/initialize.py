"""Initial weights by name. Draws come from the global CPU generator, which the builder seeds."""

from typing import Literal

from torch import nn

from nashpath.core.table import Table

Init = Literal["default", "normal"]


def keep(network: nn.Module) -> None:
    """PyTorch's own initial weights: uniform, with a variance of ``1 / (3 fan_in)``."""


def normal(network: nn.Module) -> None:
    """Weights of linear and convolutional layers from N(0, 0.02²), biases 0 (Radford et al. 2016, section 4)."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


INITS = Table("initialisation", {"default": keep, "normal": normal})
