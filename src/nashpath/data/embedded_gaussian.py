"""Data of one dimension in a space of many: the low-dimensional manifold in its purest form."""

import torch
from torch.nn.functional import normalize

from nashpath.core.hyperparameters import Count, Whole
from nashpath.core.rng import generator
from nashpath.data.line import Line


class EmbeddedGaussian(Line):
    """A one-dimensional Gaussian embedded in many dimensions by a random linear map.

    ``x = z a``, ``z ~ N(0, 1)``, where the unit vector ``a`` points in a uniformly random direction fixed by ``seed``
    (it does not depend on the key that draws the samples). Samples have shape ``(dimension,)`` and variance 1
    along the line; `coordinate` and `manifold_distance` split a point into its place along and its squared distance
    from the line.

    Reference: Fedus, Rosca, Lakshminarayanan, Dai, Mohamed & Goodfellow 2018, "Many Paths to Equilibrium: GANs Do Not
    Need to Decrease a Divergence At Every Step" (synthetic experiments).
    """

    def __init__(self, dimension: Count = 20, seed: Whole = 0):
        super().__init__(
            normalize(torch.randn(dimension, generator=generator(seed), dtype=torch.float64), dim=0).float()
        )
