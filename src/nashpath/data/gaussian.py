"""One Gaussian in the plane: the target for which flows and divergences have closed forms."""

import math
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor

from nashpath.core.key import Key
from nashpath.data.base import DeviceCopies


class Gaussian:
    """A Gaussian in the plane with any mean and covariance.

    ``x ~ N(m, C)``, ``m = (mean_x, mean_y)``, ``C = [[variance_x, covariance_xy], [covariance_xy, variance_y]]``.
    Samples have shape ``(2,)``; ``mean`` and ``covariance`` hold ``m`` and ``C``; the density is exact. Raises
    `ValueError` if ``C`` is not positive definite.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Section 4.3 (the default target).
    """

    shape: tuple[int, ...] = (2,)

    def __init__(
        self,
        variance_x: Annotated[float, Ge(1e-18), Le(1e18)] = 1.0,
        variance_y: Annotated[float, Ge(1e-18), Le(1e18)] = 0.89,
        covariance_xy: Annotated[float, Ge(-1e18), Le(1e18)] = 0.8,
        mean_x: Annotated[float, Ge(-1e9), Le(1e9)] = 0.0,
        mean_y: Annotated[float, Ge(-1e9), Le(1e9)] = 0.0,
    ):
        bound = math.sqrt(variance_x * variance_y)
        if not abs(covariance_xy) < bound:
            raise ValueError(
                f"covariance_xy={covariance_xy:g} makes the covariance singular or indefinite; with variance_x="
                f"{variance_x:g} and variance_y={variance_y:g} it must lie strictly between ±{bound:g}"
            )
        self.mean = torch.tensor([mean_x, mean_y])
        self.covariance = torch.tensor([[variance_x, covariance_xy], [covariance_xy, variance_y]])
        root = torch.linalg.cholesky(self.covariance.double())
        self._root = DeviceCopies(root.float())
        self._middle = DeviceCopies(self.mean)
        self._whiten = torch.linalg.inv(root)

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, 2]}``."""
        noise = key.normal(count, 2)
        return {"real": self._middle.on(key.device) + noise @ self._root.on(key.device).mT}

    def log_density(self, x: Tensor) -> Tensor:
        """``log p(x)``: ``[..., 2] -> [...]``."""
        whiten = self._whiten.to(x)
        white = (x - self.mean.to(x)) @ whiten.mT
        return -white.square().sum(-1) / 2 + whiten.diagonal().log().sum() - math.log(2 * math.pi)
