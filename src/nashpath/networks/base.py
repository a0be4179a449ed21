"""Shared by all networks: checks of sizes, initial weights by name, and normalisations by name.

A normalisation is a layer put after a hidden layer, or a change to the weights of the finished network.
"""

import math
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Literal, NamedTuple

from torch import nn

from nashpath.core.table import Table
from nashpath.networks.batch_norm import BatchNorm
from nashpath.networks.spectral import spectral_norm
from nashpath.networks.weight_norm import weight_norm

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
        raise _no_network(network, shape, known, "")
    return shape[0], shape[1]


def _no_network(network: str, shape: tuple[int, ...], known: Collection[int], also: str) -> ValueError:
    sizes = ", ".join(f"{size}x{size}" for size in sorted(known))
    return ValueError(
        f"{network}: no such network for samples of shape {tuple(shape)}; it is made for images "
        f"(channels, height, width) of {sizes} pixels{also}. Resize or pad the images, or use the network 'mlp'"
    )


def has_grid(shape: tuple[int, ...], known: Mapping[int, int]) -> bool:
    """Whether samples of this shape are images that `image_grid` knows."""
    return len(shape) == 3 and min(shape[1:]) in known and max(shape[1:]) % known[min(shape[1:])] == 0


def image_grid(network: str, shape: tuple[int, ...], known: Mapping[int, int]) -> tuple[int, int, tuple[int, int]]:
    """``(channels, size, grid)`` of an image shape ``(channels, height, width)`` whose shorter side is ``size``.

    ``known`` has by ``size`` by how much an image is larger than its first ``grid`` (rows, columns). The longer side is
    any whole multiple of that; of a square image the grid is square. Raises ValueError that names the shape and the
    sizes that work.
    """
    size = min(shape[1:]) if len(shape) == 3 else 0
    times = known.get(size, 0)
    if not has_grid(shape, known):
        also = f", and the longer side beside {size} a multiple of {times}" if times else ", or longer on one side"
        raise _no_network(network, shape, known, also)
    return shape[0], size, (shape[1] // times, shape[2] // times)


Norm = Literal["none", "batch", "layer", "group", "spectral", "weight"]


class NormKind(NamedTuple):
    """A kind of normalisation: ``layer(channels)`` follows a hidden layer, ``weights(network)`` acts on all of it."""

    layer: Callable[[int], nn.Module] = nn.Identity
    weights: Callable[[nn.Module], nn.Module] | None = None
    bias: bool = True
    """Whether a layer in front keeps its bias (a batch mean would cancel it)."""


def layer_norm(channels: int) -> nn.Module:
    """Each sample by its own mean and variance over channels and positions, so a gradient penalty may see it."""
    return nn.GroupNorm(1, channels)


def group_norm(channels: int) -> nn.Module:
    """Each sample by the statistics of groups of at least eight channels, up to eight groups."""
    return nn.GroupNorm(math.gcd(8, max(channels // 8, 1), channels), channels)


NORMS = Table(
    "normalisation",
    {
        "none": NormKind,
        "batch": partial(NormKind, BatchNorm, bias=False),
        "layer": partial(NormKind, layer_norm),
        "group": partial(NormKind, group_norm),
        "spectral": partial(NormKind, weights=spectral_norm),
        "weight": partial(NormKind, weights=weight_norm),
    },
)


def finish(network: nn.Module, norm: Norm, init: Init) -> None:
    """Draws the initial weights, then applies the weight normalisation of ``norm``, if any."""
    INITS[init](network)
    weights = NORMS[norm]().weights
    if weights is not None:
        weights(network)
