"""The networks that were released with "Improved Techniques for Training GANs", for learning from few labels.

Weight-normalised classifiers with noise (dense, for MNIST) or dropout (nine layers, for SVHN and CIFAR-10), and their
generators. Scales and biases of normalised layers are chosen from data when a game is built (`initialise`).

Reference: Salimans et al. 2016, Sec. 6; openai/improved_gan ``mnist_svhn_cifar10/train_{mnist,svhn,cifar}_*.py``.
"""

from collections import OrderedDict
from math import prod

from torch import Tensor, nn

from nashpath.core.hyperparameters import Count, Decay, NonNegative
from nashpath.networks.activations import ACTIVATIONS
from nashpath.networks.base import check_sizes, square_image
from nashpath.networks.batch_norm import BatchNorm
from nashpath.networks.dropout import Dropout
from nashpath.networks.noisy_mlp import GaussianNoise
from nashpath.networks.weight_norm import WeightNorm

SIDES = (8, 16, 32)
"""Sides of images that the convolutional networks are made for; 32 is the released one."""


def _normalised(layer: nn.Module, deviation: float, learned: bool = False, initial: float = 1.0) -> WeightNorm:
    """A weight-normalised layer whose weights are drawn with this deviation, of outputs that have ``initial`` at first.

    The scale is fixed but for last layers.
    """
    nn.init.normal_(layer.weight, 0.0, deviation)  # type: ignore[arg-type]
    nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
    found = WeightNorm(layer, learned)
    found.deviation = initial
    return found


class SalimansMLPDiscriminator(nn.Module):
    """The released discriminator for MNIST: five weight-normalised dense layers with noise on every one.

    ``width``, ``width / 2`` and three times ``width / 4`` wide (1000-500-250-250-250), ReLU; noise of deviation
    ``input_noise`` on the input and ``hidden_noise`` after each hidden layer, the last of which feature matching sees
    before its noise; a weight-normalised head with a learned scale. Shapes: ``[batch, *shape] -> [batch, outputs]``,
    raw logits.

    Raises ValueError if a size is not a whole number of at least 1.

    Reference: Salimans et al. 2016 (arXiv 1606.03498); openai/improved_gan
    ``mnist_svhn_cifar10/train_mnist_feature_matching.py``.
    """

    from_data = True

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Count = 1000,
        input_noise: NonNegative = 0.3,
        hidden_noise: NonNegative = 0.5,
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("salimans_mlp", shape, width=width, outputs=outputs)
        here, layers = prod(shape), OrderedDict[str, nn.Module](flatten=nn.Flatten())
        for k, share in enumerate((1, 2, 4, 4, 4)):
            layers[f"noise{k}"] = GaussianNoise((here,), hidden_noise if k else input_noise)
            there = max(1, width // share)
            layers[f"linear{k + 1}"] = _normalised(nn.Linear(here, there), 0.1)
            layers[f"activation{k + 1}"] = ACTIVATIONS["relu"]()
            here = there
        self.features = nn.Sequential(layers)
        self.noise = GaussianNoise((here,), hidden_noise)
        self.head = _normalised(nn.Linear(here, outputs), 0.1, learned=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.noise(self.features(x)))


class SalimansMLPGenerator(nn.Module):
    """The released generator for MNIST: two dense layers with softplus and batch normalisation, one weight-normalised.

    ``width`` wide (500); the released one ends in a sigmoid for data in [0, 1], this one in tanh for data in [-1, 1].
    Shapes: ``[batch, latent] -> [batch, *shape]``. Raises ValueError if a size is not a whole number of at least 1.

    Reference: Salimans et al. 2016 (arXiv 1606.03498); openai/improved_gan
    ``mnist_svhn_cifar10/train_mnist_feature_matching.py``.
    """

    def __init__(self, latent: int, shape: tuple[int, ...], *, width: Count = 500):
        super().__init__()
        check_sizes("salimans_mlp", shape, latent=latent, width=width)
        layers, here = OrderedDict[str, nn.Module](), latent
        for k in (1, 2):
            layers[f"linear{k}"] = nn.Linear(here, width, bias=False)
            layers[f"norm{k}"], layers[f"activation{k}"] = BatchNorm(width), ACTIVATIONS["softplus"]()
            here = width
        self.features = nn.Sequential(layers)
        self.head = WeightNorm(nn.Linear(width, prod(shape)))
        nn.init.ones_(self.head.g)
        self.output = nn.Sequential(nn.Tanh(), nn.Unflatten(1, shape))

    def forward(self, z: Tensor) -> Tensor:
        return self.output(self.head(self.features(z)))


class SalimansConvDiscriminator(nn.Module):
    """The released nine-layer discriminator for SVHN (``width`` 64) and CIFAR-10 (96): images of 8, 16 or 32 pixels.

    Dropout of ``input_dropout``; three 3x3 convolutions of ``width`` channels, the last of stride 2 (not at 8 pixels);
    dropout of
    ``dropout``; three of twice the channels, the last of stride 2; dropout; three of twice the channels, of 3x3
    without padding, 1x1 and 1x1; the mean over positions (the ``features``); a dense head with a learned scale, whose
    outputs start with deviation 0.1. All are weight-normalised, leaky ReLU of 0.2. Shapes: ``[batch, channels, size,
    size] -> [batch, outputs]``, raw logits. Raises ValueError for any other image shape.

    Reference: Salimans et al. 2016 (arXiv 1606.03498); openai/improved_gan
    ``mnist_svhn_cifar10/train_cifar_feature_matching.py`` and ``train_svhn_…``.
    """

    convolutional = True
    from_data = True

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Count = 96,
        input_dropout: Decay = 0.2,
        dropout: Decay = 0.5,
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("salimans_conv", shape, width=width, outputs=outputs)
        here, side = square_image("salimans_conv", shape, SIDES)
        layers = OrderedDict[str, nn.Module](dropout0=Dropout(shape, input_dropout))
        plan = [(width, 3, 1, 1), (width, 3, 1, 1), (width, 3, 1 if side == 8 else 2, 1)]
        plan += [(2 * width, 3, 1, 1), (2 * width, 3, 1, 1), (2 * width, 3, 2, 1)]
        plan += [(2 * width, 3, 1, 0), (2 * width, 1, 1, 0), (2 * width, 1, 1, 0)]
        for k, (there, kernel, stride, padding) in enumerate(plan, 1):
            layers[f"conv{k}"] = _normalised(nn.Conv2d(here, there, kernel, stride, padding), 0.05)
            layers[f"activation{k}"] = ACTIVATIONS["leaky_relu"]()
            here, side = there, side // stride
            if k in (3, 6):
                layers[f"dropout{k}"] = Dropout((here, side, side), dropout)
        layers["pool"], layers["flatten"] = nn.AdaptiveAvgPool2d(1), nn.Flatten()
        self.features = nn.Sequential(layers)
        self.head = _normalised(nn.Linear(here, outputs), 0.05, learned=True, initial=0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class SalimansConvGenerator(nn.Module):
    """The released generator for SVHN and CIFAR-10: images of 8, 16 or 32 pixels.

    A linear projection to ``8 · width`` channels (512) on a grid of 4x4, then transposed convolutions of kernel 5 and
    stride 2 that double the grid and halve the channels, each but the last with batch normalisation and ReLU; the last
    is weight-normalised with a learned scale, tanh. Weights from N(0, 0.05²). Shapes: ``[batch, latent] -> [batch,
    channels, size, size]``. Raises ValueError for any other image shape.

    Reference: Salimans et al. 2016 (arXiv 1606.03498); openai/improved_gan
    ``mnist_svhn_cifar10/train_cifar_feature_matching.py``.
    """

    convolutional = True
    from_data = True

    def __init__(self, latent: int, shape: tuple[int, ...], *, width: Count = 64):
        super().__init__()
        check_sizes("salimans_conv", shape, latent=latent, width=width)
        channels, side = square_image("salimans_conv", shape, SIDES)
        here = 8 * width
        self.project = nn.Linear(latent, here * 16, bias=False)
        layers = OrderedDict[str, nn.Module](norm0=BatchNorm(here * 16), activation0=ACTIVATIONS["relu"]())
        layers["grid"] = nn.Unflatten(1, (here, 4, 4))
        doublings = {8: 1, 16: 2, 32: 3}[side]
        for k in range(1, doublings):
            layers[f"conv{k}"] = nn.ConvTranspose2d(here, here // 2, 5, 2, 2, 1, bias=False)
            layers[f"norm{k}"], layers[f"activation{k}"] = BatchNorm(here // 2), ACTIVATIONS["relu"]()
            here //= 2
        self.features = nn.Sequential(layers)
        for part in (self.project, *self.features):
            if isinstance(part, nn.Linear | nn.ConvTranspose2d):
                nn.init.normal_(part.weight, 0.0, 0.05)
        self.head = _normalised(nn.ConvTranspose2d(here, channels, 5, 2, 2, 1), 0.05, learned=True, initial=0.1)
        self.output = nn.Tanh()

    def forward(self, z: Tensor) -> Tensor:
        return self.output(self.head(self.features(self.project(z))))
