"""Regression instead of classification."""

from torch import Tensor

from nashpath.games.objectives.base import Objective


class LeastSquares(Objective):
    """Least-squares GAN (a = 0, b = c = 1): the critic regresses 1 on real and 0 on generated samples.

    ::

        J_D = ½ E_p (d − 1)² + ½ E_q d²        J_G = ½ E_q (d − 1)²

    Reference: Mao et al. 2017, Eq. 9.
    """

    undecided = 0.5

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return 0.5 * (real - 1).square().mean() + 0.5 * fake.square().mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return 0.5 * (fake - 1).square().mean()
