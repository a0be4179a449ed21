"""The distance that a class of discriminators can see."""

from typing import Literal

from torch import Tensor, sigmoid
from torch.nn.functional import softplus

from nashpath.core import Fraction
from nashpath.games.objectives.base import Objective


def _log(logit: Tensor, delta: Tensor) -> Tensor:
    """``log(δ + (1 − δ) σ(d))``, finite and twice differentiable at every logit and at δ = 0."""
    return softplus(delta.log() - logit) - softplus(-logit)


def _linear(logit: Tensor, delta: Tensor) -> Tensor:
    """``σ(d)``."""
    return sigmoid(logit)


MEASURES = {"log": _log, "linear": _linear}


class NeuralNetDistance(Objective):
    """Neural-net distance with a measuring function φ: what discriminators of this size can tell apart.

    With ``D = σ(d)`` and φ concave and increasing on [0, 1]::

        J_D = −E_p φ(D) − E_q φ(1 − D)        J_G = E_q φ(1 − D)
        d_φ(p, q) = sup_D E_p φ(D) + E_q φ(1 − D) − 2 φ(½)

    ``measure`` is ``log``: φ(t) = log(δ + (1 − δ) t), the minimax game at δ = 0 and of bounded slope for δ > 0; or
    ``linear``: φ(t) = t, whose distance over all D is the total variation (``delta`` does not enter). Unlike JS and
    W₁, d_φ between samples generalises: the number of samples needed grows with the size of the net.

    Reference: Arora et al. 2017, Eq. 2, Definition 2 and Sec. 3.
    """

    def __init__(self, measure: Literal["log", "linear"] = "linear", delta: Fraction = 0.1):
        super().__init__(delta=delta)
        self.measure = measure

    def phi(self, logit: Tensor) -> Tensor:
        """``φ(σ(logit))``, elementwise."""
        return MEASURES[self.measure](logit, self.delta)

    def extra_repr(self) -> str:
        return f"measure={self.measure}, {super().extra_repr()}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return -self.phi(real).mean() - self.phi(-fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return self.phi(-fake).mean()
