"""Normalisations by name: a layer put after a hidden layer, or a change to the weights of the finished network."""

import math
from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from torch import nn

from nashpath.core.table import Table
from nashpath.networks.base import INITS, Init
from nashpath.networks.layers.batch_norm import BatchNorm
from nashpath.networks.layers.spectral import spectral_norm

Norm = Literal["none", "batch", "layer", "group", "spectral"]


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
    },
)


def finish(network: nn.Module, norm: Norm, init: Init) -> None:
    """Draws the initial weights, then applies the weight normalisation of ``norm``, if any."""
    INITS[init](network)
    weights = NORMS[norm]().weights
    if weights is not None:
        weights(network)
