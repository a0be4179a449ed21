"""Deep convolutional GAN: strided convolutions in place of pooling, from a small grid to the image and back."""

import math
from collections import OrderedDict

from torch import Tensor, nn

from nashpath.core.hyperparameters import Count
from nashpath.networks.activations import ACTIVATIONS, Activation
from nashpath.networks.base import NORMS, Init, Norm, check_sizes, finish, image_grid

STAGES = {8: 2, 16: 2, 28: 2, 32: 3, 48: 3, 64: 4, 96: 4, 128: 5}
"""Image size to the number of convolutions that each double (or halve) it."""
TIMES = {size: 1 << stages for size, stages in STAGES.items()}
"""Image size to how many times larger it is than the first grid (`image_grid`)."""


class DCGANGenerator(nn.Module):
    """DCGAN generator of images of 8, 16, 28, 32, 48, 64, 96 or 128 pixels.

    A linear projection to ``width * 2^(stages - 1)`` channels on a grid of 4x4 (2x2 for 8 pixels, 7x7 for 28, 6x6 for
    48 and 96), then ``stages`` transposed convolutions (kernel 4, stride 2) that double the grid and halve the
    channels, each but the last with normalisation and activation; tanh. ``stages`` is 2, 2, 2, 3, 3, 4, 4, 5 for these
    sizes; the paper's 64-pixel network has width 128. Shapes: ``[batch, latent] -> [batch, channels, size, size]``,
    values in [-1, 1].

    A longer side makes the first grid longer. Raises ValueError for any other image shape.

    Reference: Radford, Metz and Chintala 2016 (arXiv 1511.06434), section 3 and figure 1.
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
        init: Init = "normal",
    ):
        super().__init__()
        check_sizes("dcgan", shape, latent=latent, width=width)
        channels, size, grid = image_grid("dcgan", shape, TIMES)
        kind, stages = NORMS[norm](), STAGES[size]
        here = width << (stages - 1)
        self.project = nn.Linear(latent, here * math.prod(grid), bias=kind.bias)
        layers: OrderedDict[str, nn.Module] = OrderedDict(grid=nn.Unflatten(1, (here, *grid)))
        for k in range(1, stages):
            layers[f"norm{k}"], layers[f"activation{k}"] = kind.layer(here), ACTIVATIONS[activation]()
            layers[f"conv{k}"] = nn.ConvTranspose2d(here, here // 2, 4, 2, 1, bias=kind.bias)
            here //= 2
        layers[f"norm{stages}"], layers[f"activation{stages}"] = kind.layer(here), ACTIVATIONS[activation]()
        self.features = nn.Sequential(layers)
        self.head = nn.ConvTranspose2d(here, channels, 4, 2, 1)
        self.output = nn.Tanh()
        finish(self, norm, init)

    def forward(self, z: Tensor) -> Tensor:
        return self.output(self.head(self.features(self.project(z))))


class DCGANDiscriminator(nn.Module):
    """DCGAN discriminator of images of 8, 16, 28, 32, 48, 64, 96 or 128 pixels.

    ``stages`` convolutions (kernel 4, stride 2) that halve the image and double the channels, from ``width``, each
    with activation and, but for the first, normalisation; then a linear layer on the flattened ``features``, on the
    generator's first grid. ``stages`` is 2, 2, 2, 3, 3, 4, 4, 5 for these sizes; the paper's network has width 128 and
    norm "batch" (which no gradient penalty allows). Shapes: ``[batch, channels, size, size] -> [batch, outputs]``,
    raw logits.

    A longer side makes the last grid longer. Raises ValueError for any other image shape.

    Reference: Radford, Metz and Chintala 2016 (arXiv 1511.06434), section 3.
    """

    convolutional = True

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Count = 32,
        activation: Activation = "leaky_relu",
        norm: Norm = "none",
        init: Init = "default",
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("dcgan", shape, width=width, outputs=outputs)
        channels, size, grid = image_grid("dcgan", shape, TIMES)
        kind, stages = NORMS[norm](), STAGES[size]
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"], layers["activation1"] = nn.Conv2d(channels, width, 4, 2, 1), ACTIVATIONS[activation]()
        here = width
        for k in range(2, stages + 1):
            layers[f"conv{k}"] = nn.Conv2d(here, 2 * here, 4, 2, 1, bias=kind.bias)
            here *= 2
            layers[f"norm{k}"], layers[f"activation{k}"] = kind.layer(here), ACTIVATIONS[activation]()
        layers["flatten"] = nn.Flatten()
        self.features = nn.Sequential(layers)
        self.head = nn.Linear(here * math.prod(grid), outputs)
        finish(self, norm, init)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))
