"""The ring of Gaussians: the first test for mode collapse."""

import math

import torch

from nashpath.core.hyperparameters import Count, Length
from nashpath.data.mixture import GaussianMixture


class Ring(GaussianMixture):
    """Gaussians evenly spaced on a circle, in the plane.

    ``x = r (cos 2πj/k, sin 2πj/k) + s ε``, with ``j`` uniform on the ``k`` modes and ``ε ~ N(0, I)``; ``radius`` is
    ``r``, ``deviation`` is ``s``. Samples have shape ``(2,)``; the density is exact.

    Reference: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks" (mixture of
    Gaussians).
    """

    def __init__(self, modes: Count = 8, radius: Length = 2.0, deviation: Length = 0.05):
        angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
        centres = radius * torch.stack([angle.cos(), angle.sin()], 1)
        super().__init__(centres.float(), deviation)
