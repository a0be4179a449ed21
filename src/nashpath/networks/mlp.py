"""Fully connected networks, for vectors and (flattened) small images."""

from collections import OrderedDict
from math import prod

from torch import Tensor, nn

from nashpath.core.hyperparameters import Count, Depth
from nashpath.networks.activations import ACTIVATIONS, Activation
from nashpath.networks.base import NORMS, Init, Norm, check_sizes, finish


def hidden_layers(inputs: int, width: int, depth: int, activation: str, norm: str) -> tuple[nn.Sequential, int]:
    """``depth`` times (linear, normalisation, activation) on flattened samples, and the number of features."""
    kind = NORMS[norm]()
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for k in range(1, depth + 1):
        layers[f"linear{k}"] = nn.Linear(inputs, width, bias=kind.bias)
        if kind.layer is not nn.Identity:  # calling one takes as long as a small product
            layers[f"norm{k}"] = kind.layer(width)
        layers[f"activation{k}"] = ACTIVATIONS[activation]()
        inputs = width
    return nn.Sequential(layers), inputs


class MLP(nn.Module):
    """A fully connected network from vectors to vectors.

    ``y = head(features(x))``, where ``features`` is ``depth`` times (linear of ``width``, normalisation, activation)
    and ``head`` is linear. Shapes: ``[batch, inputs]`` (further axes are flattened) to ``[batch, outputs]``.

    Reference: Goodfellow et al. 2014 (arXiv 1406.2661), section 3.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        width: Count = 64,
        depth: Depth = 2,
        activation: Activation = "relu",
        norm: Norm = "none",
        init: Init = "default",
    ):
        super().__init__()
        check_sizes("mlp", (inputs,), outputs=outputs, width=width)
        self.features, features = hidden_layers(inputs, width, depth, activation, norm)
        self.head = nn.Linear(features, outputs)
        finish(self, norm, init)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class MLPGenerator(nn.Module):
    """Fully connected generator of vectors or small images.

    ``G(z) = head(features(z))`` reshaped to ``shape``; for images, shape ``(channels, height, width)``, followed by
    tanh, so that values lie in [-1, 1]. ``features`` is ``depth`` times (linear of ``width``, normalisation,
    activation). Shapes: ``[batch, latent] -> [batch, *shape]``.

    Raises ValueError if a size is not a whole number of at least 1.

    Reference: Goodfellow et al. 2014 (arXiv 1406.2661), section 3.
    """

    def __init__(
        self,
        latent: int,
        shape: tuple[int, ...],
        *,
        width: Count = 64,
        depth: Depth = 2,
        activation: Activation = "relu",
        norm: Norm = "none",
        init: Init = "default",
    ):
        super().__init__()
        check_sizes("mlp", shape, latent=latent, width=width)
        self.features, features = hidden_layers(latent, width, depth, activation, norm)
        self.head = nn.Linear(features, prod(shape))
        self.image = nn.Unflatten(1, shape)
        self.output = nn.Tanh() if len(shape) == 3 else nn.Identity()
        self.shaped = len(shape) > 1
        finish(self, norm, init)

    def forward(self, z: Tensor) -> Tensor:
        made = self.head(self.features(z))
        return self.output(self.image(made)) if self.shaped else made  # of vectors both do nothing, and take time


class MLPDiscriminator(nn.Module):
    """Fully connected discriminator of vectors or small images.

    ``D(x) = head(features(x))``, raw logits, where ``features`` flattens and is ``depth`` times (linear of ``width``,
    normalisation, activation). Shapes: ``[batch, *shape] -> [batch, outputs]``.

    Raises ValueError if a size is not a whole number of at least 1.

    Reference: Goodfellow et al. 2014 (arXiv 1406.2661), section 3.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Count = 64,
        depth: Depth = 2,
        activation: Activation = "leaky_relu",
        norm: Norm = "none",
        init: Init = "default",
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("mlp", shape, width=width, outputs=outputs)
        self.features, features = hidden_layers(prod(shape), width, depth, activation, norm)
        self.head = nn.Linear(features, outputs)
        finish(self, norm, init)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))
