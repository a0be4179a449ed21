"""Every increasing function of the logit is a loss of the generator."""

from torch import Tensor

from nashpath.core import Number, Positive
from nashpath.core.math.f_divergences import logistic_loss
from nashpath.core.math.monotone import MONOTONES, MonotoneName
from nashpath.games.objectives.base import Objective


class MonoFlowObjective(Objective):
    """MonoFlow GAN: the generator draws the flow ``dx = h'(d) ∇d dt`` of its samples, for an increasing function h.

    With logits ``d`` of a discriminator that is trained as a classifier, so that ``d → log(p/q)``::

        J_D = E_p softplus(−d) + E_q softplus(d)        J_G = −E_q h(d)

    ``h`` is a name from the table in `nashpath.core.math.monotone.MonotoneFunction`; ``shift`` is the C of
    shifted_vanilla and ``power`` the exponent of exponential. forward_kl, chi2, hellinger and exponential grow
    exponentially in d: `unbounded`.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 4; mingxuan-yi/MonoFlow ``train_gan.py`` (vanilla with C = 5, ns, logit, arcsinh).
    """

    def __init__(self, h: MonotoneName = "logit", shift: Number = 5.0, power: Positive = 1.5):
        super().__init__(shift=shift, power=power)
        self.h, self.unbounded = h, MONOTONES[h].unbounded

    def extra_repr(self) -> str:
        return f"h={self.h}, {super().extra_repr()}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return logistic_loss(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -MONOTONES[self.h].value(fake, self).mean()
