"""The kernel game with rational-quadratic kernels, whose tails keep a gradient between distant samples."""

import torch
from torch import Tensor

from nashpath.core import Count
from nashpath.games.objectives.mmd import MMD


class RationalQuadraticMMD(MMD):
    """MMD GAN with a sum of rational-quadratic kernels on the critic's features.

    ::

        k(a, b) = Σ_α (1 + ‖a − b‖² / (2 α))^−α        J_G = MMD²(critic(x), critic(x̃)) = −J_D

    ``features`` is the width of the critic's output; each α is a mixture of Gaussian kernels of many widths. The
    estimate is unbiased. Raises `ValueError` for batches of one.

    Reference: Bińkowski et al. 2018, Sec. 2 and 4 (α of 0.2, 0.5, 1, 2, 5); mbinkowski/MMD-GAN
    ``gan/core/mmd.py`` (``_mix_rq_kernel``).
    """

    def __init__(self, features: Count = 16, alphas: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 5.0)):
        super().__init__(features, alphas=torch.as_tensor(alphas))

    def kernel(self, squared: Tensor) -> Tensor:
        return torch.exp(-self.alphas * torch.log1p(squared[..., None] / (2 * self.alphas))).sum(-1)
