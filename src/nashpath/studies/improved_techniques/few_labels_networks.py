"""The networks of the semi-supervised experiments: (generator, classifier) for a data set, by name.

The released ones have weight normalisation and dropout, which are not here; sizes, noise and activations are theirs.
"""

from collections.abc import Callable, Mapping

from torch import nn

from nashpath.networks import DCGANDiscriminator, DCGANGenerator, MLPGenerator
from nashpath.networks.noisy_mlp import NoisyMLPDiscriminator

Shape = tuple[int, ...]
Pair = tuple[nn.Module, nn.Module]


def small(latent: int, shape: Shape, classes: int, width: int) -> Pair:
    """What `nashpath train -s game=semi_supervised` takes: for 8x8 digits, ``width`` 128."""
    maker = MLPGenerator(latent, shape, width=width // 2, activation="softplus", norm="batch")
    return maker, NoisyMLPDiscriminator(shape, width=width, depth=3, outputs=classes)


def dense(latent: int, shape: Shape, classes: int, width: int) -> Pair:
    """The released networks for MNIST, with all layers of the classifier as wide: ``width`` 500."""
    maker = MLPGenerator(latent, shape, width=width, activation="softplus", norm="batch")
    return maker, NoisyMLPDiscriminator(shape, width=width, depth=5, outputs=classes)


def convolutional(latent: int, shape: Shape, classes: int, width: int) -> Pair:
    """For SVHN and CIFAR-10: DCGAN's, as wide at the first layer of the classifier as the released ones (96)."""
    return DCGANGenerator(latent, shape, width=width), DCGANDiscriminator(shape, width=width, outputs=classes)


NETWORKS: Mapping[str, Callable[[int, Shape, int, int], Pair]] = {
    "small": small,
    "dense": dense,
    "convolutional": convolutional,
}
