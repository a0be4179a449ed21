"""Intertwined spirals: a curved, thin support that a generator must bend to follow."""

import math
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from nashpath.core.hyperparameters import Count, Deviation, Length
from nashpath.core.key import Key


class Spiral:
    """Archimedean spiral arms that start at the origin, in the plane.

    ``x = r √u (cos a, sin a) + s ε``, ``a = 2π (w √u + j/k)``, with ``u`` uniform on [0, 1] (the root makes the
    points nearly even along the arm), ``j`` uniform on the ``k = arms`` arms, ``w = turns``, ``r = radius``,
    ``s = deviation`` and ``ε ~ N(0, I)``. Samples have shape ``(2,)``.

    Reference: Grathwohl, Chen, Bettencourt, Sutskever & Duvenaud 2019, "FFJORD: Free-form Continuous Dynamics for
    Scalable Reversible Generative Models", Section 4.1 (two spirals).
    """

    shape: tuple[int, ...] = (2,)

    def __init__(
        self,
        arms: Count = 2,
        turns: Annotated[float, Ge(0), Le(1e6)] = 1.5,
        radius: Length = 2.0,
        deviation: Deviation = 0.05,
    ):
        self.arms, self.turns, self.radius, self.deviation = arms, turns, radius, deviation

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, 2]}``."""
        along = key.uniform(count).sqrt()
        arm = key.integers(self.arms, (count,))
        noise = key.normal(count, 2)
        angle = 2 * math.pi * (self.turns * along + arm / self.arms)
        curve = self.radius * along[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
        return {"real": curve + self.deviation * noise}
