"""The saturating game of the first GAN paper."""

from torch import Tensor
from torch.nn.functional import softplus

from nashpath.core.math.f_divergences import logistic_loss
from nashpath.games.objectives.base import Objective


class Minimax(Objective):
    """Minimax (saturating) GAN, "M-GAN": a zero-sum game whose generator's gradient vanishes when D is sure.

    With logits ``d = D⁻¹``, ``D = σ(d)``::

        J_D = E_p softplus(−d) + E_q softplus(d)        J_G = −E_q softplus(d) = E_q log(1 − D)

    With the best D, ``J_G`` minimises ``−log 4 + 2 JS(p‖q)`` and ``∂J_G/∂d = −σ(d)``, which vanishes as d → −∞.

    Reference: Goodfellow et al. 2014, Eq. 1 and Theorem 1; Fedus et al. 2017, Sec. 2.
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return logistic_loss(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -softplus(fake).mean()
