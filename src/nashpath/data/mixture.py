"""A mixture of equal round Gaussians, whose modes can be counted and whose density is known."""

import math

import torch
from torch import Tensor

from nashpath.core.key import Key
from nashpath.data.base import DeviceCopies


class GaussianMixture:
    """Base of the mixtures ``p(x) = 1/k Σ_j N(x; c_j, s² I)``.

    ``centres`` is ``[k, d]``, ``deviation`` is ``s``.
    """

    def __init__(self, centres: Tensor, deviation: float):
        self.centres = centres
        self.deviation = deviation
        self.shape: tuple[int, ...] = (centres.shape[1],)
        self._copies = DeviceCopies(centres)

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, d]}``."""
        centres = self._copies.on(key.device)
        which = key.integers(len(centres), (count,))
        noise = key.normal(count, *self.shape)
        return {"real": centres[which] + self.deviation * noise}

    def log_density(self, x: Tensor) -> Tensor:
        """``log p(x)``: ``[..., d] -> [...]``."""
        centres = self.centres.to(x)
        squared = (x[..., None, :] - centres).square().sum(-1)
        constant = centres.shape[1] / 2 * math.log(2 * math.pi * self.deviation**2) + math.log(len(centres))
        return torch.logsumexp(-squared / (2 * self.deviation**2), -1) - constant
