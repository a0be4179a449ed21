"""The critic as a witness of the earth mover's distance."""

from torch import Tensor

from nashpath.games.objectives.base import Objective


class Wasserstein(Objective):
    """Wasserstein GAN: the critic's value is a difference of means; it needs a Lipschitz constraint to mean anything.

    ::

        J_D = E_q d − E_p d        J_G = −E_q d

    With d over all 1-Lipschitz functions, ``−min J_D = W₁(p, q)``. Combine it with a gradient penalty, weight
    clipping or spectral norm.

    Reference: Arjovsky et al. 2017, Algorithm 1; igul222/improved_wgan_training ``gan_toy.py``.
    """

    undecided = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -fake.mean()
