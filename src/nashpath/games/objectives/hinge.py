"""A margin for the critic, a line for the generator."""

from torch import Tensor
from torch.nn.functional import relu

from nashpath.games.objectives.base import Objective


class Hinge(Objective):
    """Hinge GAN: the critic stops pushing samples that are beyond the margin; the generator's gradient never vanishes.

    ::

        J_D = E_p max(0, 1 − d) + E_q max(0, 1 + d)        J_G = −E_q d

    Reference: Lim and Ye 2017, Eq. 4 and 5; Miyato et al. 2018, Eq. 16 and 17.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -fake.mean()
