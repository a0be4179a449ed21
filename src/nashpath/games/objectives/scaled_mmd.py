"""MMD divided by how steep the critic's features are."""

import torch
from torch import Tensor

from nashpath.core import Count, NonNegative, Positive
from nashpath.core.math.derivatives import squared_jacobian
from nashpath.games.objectives.base import Critic
from nashpath.games.objectives.mmd import MMDObjective


class ScaledMMD(MMDObjective):
    """Scaled MMD GAN: a Gaussian kernel on the critic's features, with MMD² divided by their mean squared slope.

    ::

        J_G = MMD²(h(x), h(x̃)) / (regulariser + 1 + E_p ‖∇h(x)‖_F² / bandwidth²) = −J_D
        k(a, b) = exp(−‖a − b‖² / (2 bandwidth²)),   h the critic, ∇h its Jacobian [features, sample]

    The divisor is ``regulariser + E k + Σᵢ E ∂ᵢ∂ᵢ′ k`` on real samples. A critic that grows is divided by its growth,
    so without any penalty the largest value is finite and goes to 0 as q approaches p: on point masses it is about
    their squared distance, where MMD² with the best critic is 2 at any distance. A step costs a backward pass for each
    of the ``features``. Alone on features, `discriminator` and `generator` are those of MMD: the divisor needs the
    critic.

    Raises `ValueError` for batches of one, and for a critic that normalises over the batch.

    Reference: Arbel et al. 2018 (On Gradient Regularizers for MMD GANs), Proposition 3, Eq. 4 and 5, Example 1.
    """

    needs_input_gradient = True

    def __init__(self, features: Count = 16, bandwidth: Positive = 1.0, regulariser: NonNegative = 1.0):
        super().__init__(features, bandwidth=torch.as_tensor(bandwidth), regulariser=torch.as_tensor(regulariser))

    def kernel(self, squared: Tensor) -> Tensor:
        return torch.exp(-0.5 * squared / self.bandwidth.square())

    def forward(self, player: str, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        steepness = squared_jacobian(critic, real).mean() / self.bandwidth.square()
        return super().forward(player, critic, real, fake) / (self.regulariser + 1 + steepness)
