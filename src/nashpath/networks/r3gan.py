"""R3GAN's networks: residual blocks with grouped convolutions, no normalisation, resampling by a bilinear filter."""

import math
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from nashpath.core.hyperparameters import Count
from nashpath.networks.activations import Rectifier
from nashpath.networks.base import check_sizes, image_grid

GRIDS = {4: 1, 8: 1, 16: 1, 32: 1, 64: 2, 128: 4, 256: 8}
"""Size of the grid to the part of the width that its channels are: all, half, a quarter, an eighth."""
TIMES = {size: size // 4 for size in GRIDS if size > 4}
"""Image size to how many times larger it is than the first grid (`image_grid`)."""
EXPANSION = 2
"""Channels inside a block, in units of those outside."""
GROUP = 8
"""Channels of the width for each group of the 3x3 convolution."""
SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""What keeps the variance through a leaky rectifier (He et al. 2015)."""


class R3GANGenerator(nn.Module):
    """R3GAN's generator of images of 8, 16, 32, 64, 128 or 256 pixels.

    A learned 4x4 basis, scaled by a linear map of the latent; on each grid ``blocks`` residual blocks; a doubling (1x1
    convolution where the channels change, then the filter [1, 3, 3, 1]); a 1x1 convolution to colours, which nothing
    squashes. Up to 32 pixels all grids have ``width`` channels (the paper's: 768), then half as many for each doubling.
    Shapes: ``[batch, latent] -> [batch, channels, size, size]``.

    A block is ``x + W₃ φ(W₂ φ(W₁ x))``: 1x1 to twice the channels, 3x3 in groups of 16 of them, 1x1 back, with biases
    inside φ alone and W₃ = 0 at first (fix-up), W₁ and W₂ of standard deviation ``gain · L^(−1/4) / sqrt(fan in)`` for
    L blocks in all. A longer side makes the first grid longer. Raises ValueError for any other image shape.

    Reference: Huang, Gokaslan, Kuleshov and Tompkin 2024 (arXiv 2501.05441), "The GAN is dead; long live the GAN! A
    Modern GAN Baseline"; brownvc/R3GAN ``R3GAN/Networks.py``.
    """

    convolutional = True

    def __init__(self, latent: int, shape: tuple[int, ...], *, width: Count = 32, blocks: Count = 2):
        super().__init__()
        check_sizes("r3gan", shape, latent=latent, width=width, blocks=blocks)
        channels, size, grid = image_grid("r3gan", shape, TIMES)
        widths = widths_of(size, width)
        self.basis = GenerativeBasis(latent, widths[0], grid)
        total, layers = blocks * len(widths), OrderedDict[str, nn.Module]()
        for k, own in enumerate(widths):
            if k:
                layers[f"enlarge{k}"] = Enlarge(widths[k - 1], own)
            layers |= {f"block{k}_{i}": Block(own, total) for i in range(blocks)}
        self.features = nn.Sequential(layers)
        self.head = convolution(widths[-1], channels)

    def forward(self, z: Tensor) -> Tensor:
        return self.head(self.features(self.basis(z)))


class R3GANDiscriminator(nn.Module):
    """R3GAN's discriminator of images of 8, 16, 32, 64, 128 or 256 pixels: its generator read backwards.

    A 1x1 convolution from colours; on each grid ``blocks`` residual blocks and a halving (the filter [1, 3, 3, 1], then
    1x1 where the channels change); on the grid of 4x4 a convolution of that size, each channel by itself
    (``features``); a linear layer. Widths, blocks and initial weights are those of `R3GANGenerator`. Shapes:
    ``[batch, channels, size, size] -> [batch, outputs]``, raw logits.

    A longer side makes the last grid longer. Raises ValueError for any other image shape.

    Reference: Huang, Gokaslan, Kuleshov and Tompkin 2024 (arXiv 2501.05441), "The GAN is dead; long live the GAN! A
    Modern GAN Baseline"; brownvc/R3GAN ``R3GAN/Networks.py``.
    """

    convolutional = True

    def __init__(self, shape: tuple[int, ...], *, width: Count = 32, blocks: Count = 2, outputs: Count = 1):
        super().__init__()
        check_sizes("r3gan", shape, width=width, blocks=blocks, outputs=outputs)
        channels, size, grid = image_grid("r3gan", shape, TIMES)
        widths = widths_of(size, width)[::-1]
        total = blocks * len(widths)
        layers = OrderedDict[str, nn.Module](colours=convolution(channels, widths[0]))
        for k, own in enumerate(widths):
            layers |= {f"block{k}_{i}": Block(own, total) for i in range(blocks)}
            if k + 1 < len(widths):
                layers[f"reduce{k}"] = Reduce(own, widths[k + 1])
        basis = nn.Conv2d(widths[-1], widths[-1], grid, groups=widths[-1], bias=False)
        layers |= {"basis": scaled_normal(basis), "flatten": nn.Flatten()}
        self.features = nn.Sequential(layers)
        self.head = scaled_normal(nn.Linear(widths[-1], outputs, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def widths_of(size: int, width: int) -> list[int]:
    """The channels on the grids of 4, 8, … up to ``size``."""
    return [max(1, width // part) for grid, part in GRIDS.items() if grid <= size]


def scaled_normal(layer: nn.Module, gain: float = 1.0) -> nn.Module:
    """The layer with weights from N(0, gain² / fan in), and biases 0."""
    weight = layer.get_parameter("weight")
    nn.init.normal_(weight, 0.0, gain / math.sqrt(weight[0].numel()))
    bias = getattr(layer, "bias", None)
    if bias is not None:
        nn.init.zeros_(bias)
    return layer


def convolution(inputs: int, outputs: int) -> nn.Module:
    """1x1, without bias."""
    return scaled_normal(nn.Conv2d(inputs, outputs, 1, bias=False))


class Block(nn.Module):
    """``x + W₃ φ(W₂ φ(W₁ x))``, of which ``total`` are in the network; the identity at first."""

    def __init__(self, channels: int, total: int):
        super().__init__()
        inner, gain = EXPANSION * channels, GAIN * total**-0.25
        groups = math.gcd(max(1, channels // GROUP), inner)
        self.conv1 = scaled_normal(nn.Conv2d(channels, inner, 1), gain)
        self.conv2 = scaled_normal(nn.Conv2d(inner, inner, 3, padding=1, groups=groups), gain)
        self.conv3 = scaled_normal(nn.Conv2d(inner, channels, 1, bias=False), 0.0)
        self.activation = Rectifier(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv3(self.activation(self.conv2(self.activation(self.conv1(x)))))


class GenerativeBasis(nn.Module):
    """``[batch, latent] -> [batch, channels, *grid]``: a learned pattern for each channel, times a linear map of z."""

    def __init__(self, latent: int, channels: int, grid: tuple[int, int]):
        super().__init__()
        self.patterns = nn.Parameter(torch.randn(channels, *grid))
        self.strengths = scaled_normal(nn.Linear(latent, channels, bias=False))

    def forward(self, z: Tensor) -> Tensor:
        return self.patterns * self.strengths(z)[:, :, None, None]


class Enlarge(nn.Module):
    """1x1 where the channels change, then twice the size."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Identity() if inputs == outputs else convolution(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return doubled(doubled(self.conv(x)).mT).mT


class Reduce(nn.Module):
    """Half the size, then 1x1 where the channels change."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Identity() if inputs == outputs else convolution(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(halved(halved(x).mT).mT)


def doubled(x: Tensor) -> Tensor:
    """Twice as many columns by the filter [1, 3, 3, 1] / 4, with zeros beyond the border: bilinear inside."""
    wide = pad(x, (1, 1))
    left, right = wide[..., :-2], wide[..., 2:]
    return torch.stack([(left + 3 * x) / 4, (3 * x + right) / 4], -1).flatten(-2)


def halved(x: Tensor) -> Tensor:
    """Half as many columns by the filter [1, 3, 3, 1] / 8, with zeros beyond the border."""
    wide = pad(x, (1, 1))
    ends, inner = wide[..., 0:-3:2] + wide[..., 3::2], wide[..., 1:-2:2] + wide[..., 2:-1:2]
    return (ends + 3 * inner) / 8
