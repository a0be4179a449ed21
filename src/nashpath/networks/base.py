"""Shared by all networks: checks of sizes, and initial weights by name."""

from collections.abc import Collection
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


def check_sizes(network: str, shape: tuple[int, ...], **sizes: int) -> None:
    """Raises ValueError unless ``shape`` has axes and all its entries and all ``sizes`` are whole numbers above 0."""
    if not shape:
        raise ValueError(f"{network}: the shape of one sample is empty; a scalar sample has the shape (1,)")
    for name, size in {**{f"shape[{axis}]": size for axis, size in enumerate(shape)}, **sizes}.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{network}: {name} must be a whole number of at least 1, got {size!r}")


def square_image(network: str, shape: tuple[int, ...], known: Collection[int]) -> tuple[int, int]:
    """``(channels, size)`` of a square image shape ``(channels, size, size)`` with ``size`` among ``known``.

    Raises ValueError that names the shape and the sizes that work.
    """
    if len(shape) != 3 or shape[1] != shape[2] or shape[1] not in known:
        sizes = ", ".join(f"{size}x{size}" for size in sorted(known))
        raise ValueError(
            f"{network}: no such network for samples of shape {tuple(shape)}; it is made for images "
            f"(channels, height, width) of {sizes} pixels. Resize or pad the images, or use the network 'mlp'"
        )
    return shape[0], shape[1]
