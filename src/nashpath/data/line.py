"""A standard Gaussian on a line through the origin: data whose manifold is known exactly."""

import math

from torch import Tensor

from nashpath.core.key import Key
from nashpath.data.base import DeviceCopies


class Line:
    """Base of the one-dimensional Gaussians ``x = z a``, ``z ~ N(0, 1)``, in ``len(a)`` dimensions, ``‖a‖ = 1``.

    In the whole space such data has no density; `log_density` is that of the coordinate ``z``, and `manifold_distance`
    says how far a point is from having any.
    """

    def __init__(self, direction: Tensor):
        self.direction = direction
        self.shape: tuple[int, ...] = (len(direction),)
        self._copies = DeviceCopies(direction)

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, d]}``."""
        z = key.normal(count, 1)
        return {"real": z * self._copies.on(key.device)}

    def coordinate(self, x: Tensor) -> Tensor:
        """Coordinate of the nearest point on the line: ``a·x``, ``[..., d] -> [...]``."""
        return x @ self.direction.to(x)

    def manifold_distance(self, x: Tensor) -> Tensor:
        """The *squared* distance to the line, ``‖x - (a·x) a‖²``: ``[..., d] -> [...]``."""
        return (x - self.coordinate(x)[..., None] * self.direction.to(x)).square().sum(-1)

    def log_density(self, x: Tensor) -> Tensor:
        """``log N(a·x; 0, 1)``, the density by length along the line: ``[..., d] -> [...]``."""
        return -self.coordinate(x).square() / 2 - math.log(2 * math.pi) / 2
