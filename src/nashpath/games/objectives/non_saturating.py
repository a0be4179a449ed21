"""The game that is called "GAN" in practice."""

from torch import Tensor
from torch.nn.functional import softplus

from nashpath.core.math.f_divergences import logistic_loss
from nashpath.games.objectives.base import Objective


class NonSaturating(Objective):
    """Non-saturating GAN, "NS-GAN": the generator maximises log D instead of minimising log(1 − D).

    With logits ``d``, ``D = σ(d)``::

        J_D = E_p softplus(−d) + E_q softplus(d)        J_G = E_q softplus(−d) = −E_q log D

    ``∂J_G/∂d = −(1 − σ(d))`` tends to −1 where D is sure of a fake. Not a zero-sum game; with the best D the
    generator's gradient is that of ``KL(q‖p) − 2 JS(p‖q)``.

    Reference: Goodfellow et al. 2014, Sec. 3; Fedus et al. 2017, Sec. 2; Arjovsky and Bottou 2017, Theorem 2.5.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return logistic_loss(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return softplus(-fake).mean()
