"""Residual blocks of the SNGAN networks.

A 1x1 convolution commutes with nearest-neighbour enlarging and with average pooling, so each shortcut convolves
on the smaller grid: the same function as in the paper at a quarter of the cost.
"""

from collections import OrderedDict

from torch import Tensor, nn

from nashpath.networks.activations import ACTIVATIONS
from nashpath.networks.norms import NORMS


class Residual(nn.Module):
    """``residual(x) + shortcut(x)``."""

    def __init__(self, residual: OrderedDict[str, nn.Module], shortcut: OrderedDict[str, nn.Module]):
        super().__init__()
        self.residual = nn.Sequential(residual)
        self.shortcut = nn.Sequential(shortcut)

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class GlobalSum(nn.Module):
    """Sums each channel over all positions: ``[batch, channels, height, width] -> [batch, channels]``."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum((2, 3))


def conv3(inputs: int, outputs: int) -> nn.Module:
    """A 3x3 convolution that keeps the grid."""
    return nn.Conv2d(inputs, outputs, 3, padding=1)


def up_block(inputs: int, outputs: int, activation: str, norm: str) -> Residual:
    """Doubles the grid (nearest neighbour)."""
    act, layer = ACTIVATIONS[activation], NORMS[norm]().layer
    residual = OrderedDict(
        norm1=layer(inputs),
        activation1=act(),
        enlarge=nn.Upsample(scale_factor=2),
        conv1=conv3(inputs, outputs),
        norm2=layer(outputs),
        activation2=act(),
        conv2=conv3(outputs, outputs),
    )
    return Residual(residual, OrderedDict(conv=nn.Conv2d(inputs, outputs, 1), enlarge=nn.Upsample(scale_factor=2)))


def first_block(inputs: int, outputs: int, activation: str, norm: str) -> Residual:
    """Halves an image's grid; starts with a convolution, since pixels need neither normalisation nor activation."""
    residual = OrderedDict(
        conv1=conv3(inputs, outputs),
        norm2=NORMS[norm]().layer(outputs),
        activation2=ACTIVATIONS[activation](),
        conv2=conv3(outputs, outputs),
        pool=nn.AvgPool2d(2),
    )
    return Residual(residual, OrderedDict(pool=nn.AvgPool2d(2), conv=nn.Conv2d(inputs, outputs, 1)))


def flat_block(channels: int, activation: str, norm: str) -> Residual:
    """Keeps grid and channels; the shortcut is the identity."""
    return Residual(_inner(channels, channels, activation, norm), OrderedDict())


def down_block(inputs: int, outputs: int, activation: str, norm: str) -> Residual:
    """Halves the grid (average pooling)."""
    residual = _inner(inputs, outputs, activation, norm)
    residual["pool"] = nn.AvgPool2d(2)
    return Residual(residual, OrderedDict(pool=nn.AvgPool2d(2), conv=nn.Conv2d(inputs, outputs, 1)))


def _inner(inputs: int, outputs: int, activation: str, norm: str) -> OrderedDict[str, nn.Module]:
    act, layer = ACTIVATIONS[activation], NORMS[norm]().layer
    return OrderedDict(
        norm1=layer(inputs),
        activation1=act(),
        conv1=conv3(inputs, inputs),
        norm2=layer(inputs),
        activation2=act(),
        conv2=conv3(inputs, outputs),
    )
