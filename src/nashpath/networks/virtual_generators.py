"""The generators with virtual batch normalisation, each with a reference batch of its own."""

from typing import Annotated

import torch
from annotated_types import Ge

from nashpath.core.hyperparameters import Count
from nashpath.networks.activations import Activation
from nashpath.networks.base import Init
from nashpath.networks.dcgan import DCGANGenerator
from nashpath.networks.layers.virtual_batch_norm import VirtualBatchGenerator, virtual
from nashpath.networks.mlp import Depth, MLPGenerator

References = Annotated[int, Ge(2)]


class VirtualMLPGenerator(VirtualBatchGenerator):
    """Fully connected generator with virtual batch normalisation.

    The generator ``mlp`` with `VirtualBatchNorm` after each hidden layer, and ``reference`` latents from N(0, I),
    drawn once, that go through it in front of every batch. Shapes: ``[batch, latent] -> [batch, *shape]``.

    Raises ValueError if a size is not a whole number of at least 1, or if there is no hidden layer.

    Reference: Salimans et al. 2016 (arXiv 1606.03498), section 3.5.
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: Count = 64,
        depth: Depth = 2,
        activation: Activation = "relu",
        init: Init = "default",
        reference: References = 64,
    ):
        network = MLPGenerator(latent, shape, width=width, depth=depth, activation=activation, norm="batch", init=init)
        super().__init__(virtual(network), torch.randn(reference, latent))


class VirtualDCGANGenerator(VirtualBatchGenerator):
    """DCGAN generator with virtual batch normalisation, as the paper's for ImageNet.

    The generator ``dcgan`` with `VirtualBatchNorm` in the place of batch normalisation, and ``reference`` latents from
    N(0, I), drawn once, that go through it in front of every batch. Shapes:
    ``[batch, latent] -> [batch, channels, size, size]``, values in [-1, 1].

    Raises ValueError for image shapes that ``dcgan`` does not make.

    Reference: Salimans et al. 2016 (arXiv 1606.03498), section 3.5.
    """

    convolutional = True

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: Count = 32,
        activation: Activation = "relu",
        init: Init = "normal",
        reference: References = 64,
    ):
        network = DCGANGenerator(latent, shape, width=width, activation=activation, norm="batch", init=init)
        super().__init__(virtual(network), torch.randn(reference, latent))
