"""The residual networks of SNGAN: the published ones at 32 and 64 pixels, the same pattern at 8 and 16."""

from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from nashpath.core.hyperparameters import Count
from nashpath.networks.activations import ACTIVATIONS, Activation
from nashpath.networks.base import NORMS, Init, Norm, check_sizes, finish, square_image

UP = {8: (1, 1), 16: (1, 1, 1), 32: (1, 1, 1, 1), 64: (16, 8, 4, 2, 1)}
"""Image size to the channels, in units of the width, on the 4x4 grid and after each doubling."""

DOWN = {8: (1,), 16: (1, 1), 32: (1, 1), 64: (1, 2, 4, 8, 16)}
"""Image size to the channels, in units of the width, after each halving."""

FLAT = {8: 2, 16: 2, 32: 2, 64: 0}
"""Image size to the number of blocks that follow without halving."""


class ResNetGenerator(nn.Module):
    """Residual (SNGAN) generator of images of 8, 16, 32 or 64 pixels.

    A linear projection to a grid of 4x4, residual blocks that each double it, normalisation, activation, a 3x3
    convolution, tanh. Up to 32 pixels each block has ``width`` channels (the paper's: 256); at 64 pixels they fall
    from ``16 width`` to ``width`` (the authors': 64). Shapes: ``[batch, latent] -> [batch, channels, size, size]``,
    values in [-1, 1].

    Raises ValueError for any other image shape.

    Reference: Miyato et al. 2018 (arXiv 1802.05957), appendix B.4, table 4; for 64 pixels
    github.com/pfnet-research/sngan_projection, gen_models/resnet_64.py.
    """

    convolutional = True

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: Count = 32,
        activation: Activation = "relu",
        norm: Norm = "batch",
        init: Init = "default",
    ):
        super().__init__()
        check_sizes("resnet", shape, latent=latent, width=width)
        channels, size = square_image("resnet", shape, UP)
        widths = [factor * width for factor in UP[size]]
        self.project = nn.Linear(latent, widths[0] * 16)
        layers: OrderedDict[str, nn.Module] = OrderedDict(grid=nn.Unflatten(1, (widths[0], 4, 4)))
        for k, (inputs, outputs) in enumerate(pairwise(widths), 1):
            layers[f"block{k}"] = up_block(inputs, outputs, activation, norm)
        layers["norm"], layers["activation"] = NORMS[norm]().layer(widths[-1]), ACTIVATIONS[activation]()
        self.features = nn.Sequential(layers)
        self.head = nn.Conv2d(widths[-1], channels, 3, padding=1)
        self.output = nn.Tanh()
        finish(self, norm, init)

    def forward(self, z: Tensor) -> Tensor:
        return self.output(self.head(self.features(self.project(z))))


class ResNetDiscriminator(nn.Module):
    """Residual (SNGAN) discriminator of images of 8, 16, 32 or 64 pixels.

    Residual blocks that halve the image (once at 8 pixels, twice at 16 and 32), two more blocks, activation, sum over
    positions (``features``), linear layer. Up to 32 pixels each block has ``width`` channels (the paper's: 128); at
    64 pixels five blocks halve the image and the channels rise from ``width`` to ``16 width`` (the authors': 64).
    Shapes: ``[batch, channels, size, size] -> [batch, outputs]``, raw logits.

    Raises ValueError for any other image shape.

    Reference: Miyato et al. 2018 (arXiv 1802.05957), appendix B.4, table 4; for 64 pixels
    github.com/pfnet-research/sngan_projection, dis_models/snresnet_64.py.
    """

    convolutional = True

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Count = 32,
        activation: Activation = "relu",
        norm: Norm = "spectral",
        init: Init = "default",
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("resnet", shape, width=width, outputs=outputs)
        channels, size = square_image("resnet", shape, DOWN)
        widths = [factor * width for factor in DOWN[size]]
        blocks = [first_block(channels, widths[0], activation, norm)]
        blocks += [down_block(inputs, outputs, activation, norm) for inputs, outputs in pairwise(widths)]
        blocks += [flat_block(widths[-1], activation, norm) for _ in range(FLAT[size])]
        layers: OrderedDict[str, nn.Module] = OrderedDict((f"block{k}", block) for k, block in enumerate(blocks, 1))
        layers["activation"], layers["sum"] = ACTIVATIONS[activation](), GlobalSum()
        self.features = nn.Sequential(layers)
        self.head = nn.Linear(widths[-1], outputs)
        finish(self, norm, init)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


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
