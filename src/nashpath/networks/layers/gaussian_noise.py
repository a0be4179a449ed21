"""Noise on activations, the regulariser of the semi-supervised discriminator."""

from torch import Tensor

from nashpath.core.hyperparameters import NonNegative
from nashpath.core.noise import Noise


class GaussianNoise(Noise):
    """Adds N(0, deviation²) to every number that passes, in training.

    ::

        y = x + deviation · ε,   ε ~ N(0, 1)

    The ε are part of the game's batch (`nashpath.core.noise`): drawn by the member's own generator, one row a sample,
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
