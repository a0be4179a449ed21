"""A fully connected discriminator with noise on its layers, for learning from few labels."""

from collections import OrderedDict
from math import prod

from torch import Tensor, nn

from nashpath.core.hyperparameters import Count, Depth, NonNegative
from nashpath.core.noise import Noise
from nashpath.networks.activations import ACTIVATIONS, Activation
from nashpath.networks.base import INITS, Init, check_sizes


class GaussianNoise(Noise):
    """Adds N(0, deviation²) to every number that passes, in training.

    ::

        y = x + deviation · ε,   ε ~ N(0, 1)

    The ε are part of the game's batch (`nashpath.core.noise`): drawn by the member's own key, one row a sample,
    shared by the passes of one turn. Outside of a priced batch, and in eval mode, the layer is the identity.
    Shapes: ``[batch, *shape] -> [batch, *shape]``. Raises ValueError for a batch that is not a whole multiple of the
    drawn rows.

    Reference: Salimans et al. 2016, Sec. 5; openai/improved_gan ``mnist_svhn_cifar10/nn.py`` (GaussianNoiseLayer).
    """

    def __init__(self, shape: tuple[int, ...], deviation: NonNegative = 0.5):
        super().__init__(shape, deviation=deviation)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.rows(x.shape[0])
        return x if rows is None else x + self.deviation * rows.to(x.dtype)


class NoisyMLPDiscriminator(nn.Module):
    """Fully connected discriminator with Gaussian noise on its input and on every hidden layer.

    ``D(x) = head(noise(features(x)))``, raw logits, where ``features`` flattens, adds noise of deviation
    ``input_noise`` and is ``depth`` times (linear of ``width``, activation), with noise of deviation ``hidden_noise``
    between layers; the last features are seen by feature matching before their noise, as in the released code. Noise
    comes with the game's batch (`nashpath.core.noise`); elsewhere there is none. Shapes:
    ``[batch, *shape] -> [batch, outputs]``.

    The released network for MNIST is 1000-500-250-250-250 wide, weight-normalised, with noise 0.3 and 0.5.

    Raises ValueError if a size is not a whole number of at least 1.

    Reference: Salimans et al. 2016 (arXiv 1606.03498), Sec. 5; openai/improved_gan
    ``mnist_svhn_cifar10/train_mnist_feature_matching.py``.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        width: Count = 128,
        depth: Depth = 3,
        activation: Activation = "relu",
        init: Init = "default",
        input_noise: NonNegative = 0.3,
        hidden_noise: NonNegative = 0.5,
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("noisy_mlp", shape, width=width, outputs=outputs)
        inputs = prod(shape)
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        layers["noise0"] = GaussianNoise((inputs,), input_noise)
        for k in range(1, depth + 1):
            if k > 1:
                layers[f"noise{k - 1}"] = GaussianNoise((inputs,), hidden_noise)
            layers[f"linear{k}"], layers[f"activation{k}"] = nn.Linear(inputs, width), ACTIVATIONS[activation]()
            inputs = width
        self.features = nn.Sequential(layers)
        self.noise = GaussianNoise((inputs,), hidden_noise)
        self.head = nn.Linear(inputs, outputs)
        INITS[init](self)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.noise(self.features(x)))
