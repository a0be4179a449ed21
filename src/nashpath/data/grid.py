"""The grid of Gaussians: more modes than the ring, at unequal distances from the origin."""

import torch

from nashpath.core.hyperparameters import Count, Length
from nashpath.data.mixture import GaussianMixture


class Grid(GaussianMixture):
    """Gaussians on a square grid around the origin, in the plane.

    ``x = h (i - (k-1)/2, j - (k-1)/2) + s ε``, with ``i, j`` uniform on the ``k = side`` rows and columns and
    ``ε ~ N(0, I)``; ``spacing`` is ``h``, ``deviation`` is ``s``. Samples have shape ``(2,)``; the density is exact.

    Reference: Lin, Khetan, Fanti & Oh 2018, "PacGAN: The power of two samples in generative adversarial networks"
    (2D-grid: 25 modes, spacing 2, deviation 0.05).
    """

    def __init__(self, side: Count = 5, spacing: Length = 2.0, deviation: Length = 0.05):
        ticks = spacing * (torch.arange(side) - (side - 1) / 2)
        super().__init__(torch.cartesian_prod(ticks, ticks), deviation)
