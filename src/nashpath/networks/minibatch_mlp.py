"""A fully connected discriminator with minibatch discrimination."""

from math import prod

from torch import Tensor, nn

from nashpath.core.hyperparameters import Count
from nashpath.networks.activations import Activation
from nashpath.networks.base import Init, check_sizes
from nashpath.networks.layers.minibatch_discrimination import MinibatchDiscrimination, Reduce
from nashpath.networks.layers.norms import Norm, finish
from nashpath.networks.mlp import Depth, hidden_layers


class MinibatchMLPDiscriminator(nn.Module):
    """Fully connected discriminator with minibatch discrimination before its head.

    ``D(x) = head(closeness(features(x)))``, raw logits, where ``features`` flattens and is ``depth`` times (linear of
    ``width``, normalisation, activation), and ``closeness`` appends `MinibatchDiscrimination` of ``kernels`` kernels of
    ``dimensions`` (16 of 4 keep eight Gaussians apart; the paper's code has 100 of 5). Its logits depend on the whole
    batch, so no gradient penalty is allowed. Shapes: ``[batch, *shape] -> [batch, outputs]``.

    Raises ValueError if a size is not a whole number of at least 1.

    Reference: Salimans et al. 2016 (arXiv 1606.03498), Sec. 3.2.
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
        kernels: Count = 16,
        dimensions: Count = 4,
        reduce: Reduce = "mean",
        joint: bool = False,
        outputs: Count = 1,
    ):
        super().__init__()
        check_sizes("minibatch_mlp", shape, width=width, outputs=outputs, kernels=kernels, dimensions=dimensions)
        self.features, features = hidden_layers(prod(shape), width, depth, activation, norm)
        self.closeness = MinibatchDiscrimination(features, kernels, dimensions, reduce, joint)
        self.head = nn.Linear(self.closeness.outputs, outputs)
        finish(self, norm, init)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.closeness(self.features(x)))
