"""The kernel game with Gaussian kernels of several widths."""

import torch
from torch import Tensor

from nashpath.core import Count
from nashpath.games.objectives.mmd import MMD


class GaussianMMD(MMD):
    """MMD GAN with a sum of Gaussian kernels on the critic's features.

    ::

        k(a, b) = Σ_s exp(−‖a − b‖² / (2 s²))        J_G = MMD²(critic(x), critic(x̃)) = −J_D

    ``features`` is the width of the critic's output; ``bandwidths`` are the s. The estimate is unbiased (no sample is
    compared with itself). Raises `ValueError` for batches of one.

    Reference: Li et al. 2017 (MMD GAN), Sec. 2; Bińkowski et al. 2018, Sec. 2 and 3; mbinkowski/MMD-GAN
    ``gan/core/mmd.py`` (``_mix_rbf_kernel`` and its bandwidths, ``_mmd2``).
    """

    def __init__(self, features: Count = 16, bandwidths: tuple[float, ...] = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)):
        super().__init__(features, bandwidths=torch.as_tensor(bandwidths))

    def kernel(self, squared: Tensor) -> Tensor:
        return torch.exp(-0.5 * squared[..., None] / self.bandwidths.square()).sum(-1)
