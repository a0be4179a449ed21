"""Kernel objectives: the squared maximum mean discrepancy of two batches of features.

The critic is a map into a space where a fixed kernel compares; it wants the discrepancy large, the generator small.
"""

import torch
from torch import Tensor

from nashpath.core import Count
from nashpath.core.math.distances import squared_distances
from nashpath.core.math.mmd import mean_over_others, unbiased_mmd
from nashpath.games.objectives.base import Critic, Objective


class MMDObjective(Objective):
    """A game of the maximum mean discrepancy between ``critic(real)`` and ``critic(fake)``; subclasses give a kernel.

    ``J_G = MMD²``, ``J_D = −MMD²``, with the unbiased estimate of MMD² from features [batch, features]. A penalty is
    put on the slope of the witness function (the difference of mean kernels), as the authors do.
    """

    compares = batchwise = True
    undecided = None

    def __init__(self, features: int, **numbers: Tensor):
        super().__init__(**numbers)
        self.outputs = features

    def kernel(self, squared: Tensor) -> Tensor:
        """The kernel as a function of squared distances, elementwise."""
        raise NotImplementedError

    def discrepancy(self, real: Tensor, fake: Tensor) -> Tensor:
        """The unbiased estimate of MMD², a scalar; it may be negative. `ValueError` for fewer than 2 samples."""
        sizes = real.shape[0] if real.dim() else 1, fake.shape[0] if fake.dim() else 1
        if min(sizes) < 2:
            raise ValueError(f"MMD compares samples in pairs and needs at least 2 of each; got {sizes}")
        real, fake = real.flatten(1), fake.flatten(1)
        own = [mean_over_others(self.kernel(squared_distances(x, x))) for x in (real, fake)]
        return unbiased_mmd((own[0], own[1]), self._towards(real, fake))

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -self.discrepancy(_rows(real), _rows(fake))

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        if real is None:
            raise ValueError("the generator's cost compares with real samples; give their features as `real`")
        return self.discrepancy(_rows(real), _rows(fake))

    def witness(self, critic: Critic, real: Tensor, fake: Tensor) -> Critic:
        real, fake = _rows(critic(real)).flatten(1), _rows(critic(fake)).flatten(1)

        def gap(x: "Tensor") -> "Tensor":
            features = _rows(critic(x)).flatten(1)
            return self._towards(features, real) - self._towards(features, fake)

        return gap

    def _towards(self, features: Tensor, samples: Tensor) -> Tensor:
        return self.kernel(squared_distances(features, samples)).mean(1)


def _rows(features: Tensor) -> Tensor:
    """A batch of plain numbers as a batch of vectors of length 1."""
    return features[:, None] if features.dim() == 1 else features


class GaussianMMD(MMDObjective):
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


class RationalQuadraticMMD(MMDObjective):
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
