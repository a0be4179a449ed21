"""The Swiss roll seen from its end: one sheet, rolled up."""

import math

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Deviation, Length
from nashpath.core.key import Key


class SwissRoll:
    """One and a half turns of a spiral of growing radius, in the plane.

    ``x = (t (cos t, sin t) + s ε) / c``, ``t`` uniform on [1.5π, 4.5π], ``ε ~ N(0, I)``; ``deviation`` is ``s`` (in
    the units before scaling), ``scale`` is ``c``. Samples have shape ``(2,)`` and lie within about ±2.

    Reference: Gulrajani, Ahmed, Arjovsky, Dumoulin & Courville 2017, "Improved Training of Wasserstein GANs" (toy
    data; released code gan_toy.py: deviation 0.25, scale 7.5).
    """

    shape: tuple[int, ...] = (2,)

    def __init__(self, deviation: Deviation = 0.25, scale: Length = 7.5):
        self.deviation, self.scale = deviation, scale

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, 2]}``."""
        t = 1.5 * math.pi * (1 + 2 * key.uniform(count))
        noise = key.normal(count, 2)
        roll = t[:, None] * torch.stack([t.cos(), t.sin()], 1)
        return {"real": (roll + self.deviation * noise) / self.scale}
