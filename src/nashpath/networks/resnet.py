"""The residual networks of SNGAN: those published for 32, 48, 64 and 128 pixels, and the same pattern at others."""

import math
from collections import OrderedDict
from itertools import pairwise

from torch import Tensor, nn

from nashpath.core.hyperparameters import Count
from nashpath.networks.activations import ACTIVATIONS, Activation
from nashpath.networks.base import NORMS, Init, Norm, check_sizes, finish, image_grid

UP = {8: (1, 1), 16: (1, 1, 1), 32: (1, 1, 1, 1), 48: (8, 4, 2, 1), 64: (16, 8, 4, 2, 1)}
UP |= {96: (16, 8, 4, 2, 1), 128: (16, 16, 8, 4, 2, 1), 256: (16, 16, 8, 8, 4, 2, 1)}
"""Image size to the channels, in units of the width, on the first grid and after each doubling."""
TIMES = {size: 1 << (len(widths) - 1) for size, widths in UP.items()}
"""Image size to how many times larger it is than the first grid (`image_grid`)."""

DOWN = {8: (1,), 16: (1, 1), 32: (1, 1), 48: (1, 2, 4, 8), 64: (1, 2, 4, 8, 16)}
DOWN |= {96: (1, 2, 4, 8, 16), 128: (1, 2, 4, 8, 16), 256: (1, 2, 4, 8, 8, 16)}
"""Image size to the channels, in units of the width, after each halving."""

FLAT = {8: (1, 1), 16: (1, 1), 32: (1, 1), 64: ()} | dict.fromkeys((48, 96, 128, 256), (16,))
"""Image size to the channels after each of the blocks that follow without halving."""


class ResNetGenerator(nn.Module):
    """Residual (SNGAN) generator of images of 8, 16, 32, 48, 64, 96, 128 or 256 pixels.

    A linear projection to a grid of 4x4 (6x6 for 48 and 96), residual blocks that each double it, normalisation,
    activation, a 3x3 convolution, tanh. Up to 32 pixels each block has ``width`` channels (the paper's: 256); above
    they fall to ``width`` (the authors': 64) from 8 times as many at 48 pixels, and 16 times beyond. Shapes:
    ``[batch, latent] -> [batch, channels, size, size]``, values in [-1, 1].

    A longer side makes the first grid longer. Raises ValueError for any other image shape.

    Reference: Miyato et al. 2018 (arXiv 1802.05957), appendix B.4, tables 4 and 5; for 64 and 128 pixels
    github.com/pfnet-research/sngan_projection, gen_models; for 256 the channels of Brock et al. 2019 (BigGAN).
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
        channels, size, grid = image_grid("resnet", shape, TIMES)
        widths = [factor * width for factor in UP[size]]
        self.project = nn.Linear(latent, widths[0] * math.prod(grid))
        layers: OrderedDict[str, nn.Module] = OrderedDict(grid=nn.Unflatten(1, (widths[0], *grid)))
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
    """Residual (SNGAN) discriminator of images of 8, 16, 32, 48, 64, 96, 128 or 256 pixels.

    Residual blocks that halve the image (once at 8 pixels, twice at 16 and 32), two more blocks, activation, sum over
    positions (``features``), linear layer. Up to 32 pixels each block has ``width`` channels (the paper's: 128); above,
    four to six blocks halve the image, the channels rise from ``width`` (the authors': 64) to 16 times as many, and
    one block follows, but at 64 pixels.
    Shapes: ``[batch, channels, size, size] -> [batch, outputs]``, raw logits.

    A longer side makes the last grid longer. Raises ValueError for any other image shape.

    Reference: Miyato et al. 2018 (arXiv 1802.05957), appendix B.4, tables 4 and 5; for 64 and 128 pixels
    github.com/pfnet-research/sngan_projection, dis_models; for 256 the channels of Brock et al. 2019 (BigGAN).
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
        channels, size, _ = image_grid("resnet", shape, TIMES)
        widths = [factor * width for factor in DOWN[size]]
        blocks = [first_block(channels, widths[0], activation, norm)]
        blocks += [down_block(inputs, outputs, activation, norm) for inputs, outputs in pairwise(widths)]
        flat = [widths[-1], *(factor * width for factor in FLAT[size])]
        blocks += [flat_block(inputs, outputs, activation, norm) for inputs, outputs in pairwise(flat)]
        layers: OrderedDict[str, nn.Module] = OrderedDict((f"block{k}", block) for k, block in enumerate(blocks, 1))
        layers["activation"], layers["sum"] = ACTIVATIONS[activation](), GlobalSum()
        self.features = nn.Sequential(layers)
        self.head = nn.Linear(flat[-1], outputs)
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


def flat_block(inputs: int, outputs: int, activation: str, norm: str) -> Residual:
    """Keeps the grid; the shortcut is the identity where channels are kept, too."""
    shortcut = {} if inputs == outputs else {"conv": nn.Conv2d(inputs, outputs, 1)}
    return Residual(_inner(inputs, outputs, activation, norm), OrderedDict(shortcut))


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
