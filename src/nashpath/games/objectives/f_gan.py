"""Any f-divergence as a game, by its convex conjugate."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from nashpath.core.math.f_divergences import hellinger_term, js_term
from nashpath.games.objectives.base import Objective


@dataclass(frozen=True)
class Divergence:
    """The activation ``g(v)``, which maps the critic's output into the domain of f*, and ``f*(g(v))``, simplified."""

    activation: Callable[[Tensor], Tensor]
    conjugate: Callable[[Tensor], Tensor]
    unbounded: bool = False
    undecided: float = 0.0
    """The best v at p = q."""


CONJUGATES = {
    "kl": Divergence(lambda v: v, lambda v: torch.exp(v - 1), unbounded=True, undecided=1.0),
    "reverse_kl": Divergence(lambda v: -torch.exp(-v), lambda v: v - 1, unbounded=True),
    "pearson": Divergence(lambda v: v, lambda v: 0.25 * v.square() + v),
    "hellinger": Divergence(lambda v: hellinger_term(2 * v), lambda v: -hellinger_term(-2 * v), unbounded=True),
    "js": Divergence(js_term, lambda v: -js_term(-v)),
    "total_variation": Divergence(lambda v: 0.5 * torch.tanh(v), lambda v: 0.5 * torch.tanh(v)),
}

FDivergence = Literal["kl", "reverse_kl", "pearson", "hellinger", "js", "total_variation"]


class FGAN(Objective):
    """f-GAN: the game whose value, with the best critic, is an f-divergence ``D_f(p‖q) = E_q f(p/q)``.

    With the critic's raw output v, ``T = g(v)`` and f* the conjugate of f::

        J_D = E_q f*(T) − E_p T        J_G = −E_q f*(T)  (saddle)   or   −E_q T  (alternative)

        divergence        f(u)                              g(v)                  f*(t)           best v at u = p/q
        kl                u log u                           v                     exp(t − 1)      1 + log u
        reverse_kl        −log u                            −exp(−v)              −1 − log(−t)    log u
        pearson           (u − 1)²                          v                     t²/4 + t        2 (u − 1)
        hellinger         (√u − 1)²                         1 − exp(−v)           t/(1 − t)       ½ log u
        js                u log u − (u + 1) log((u + 1)/2)  log 2 − softplus(−v)  −log(2 − eᵗ)    log u
        total_variation   ½ |u − 1|                         ½ tanh v              t, |t| ≤ ½      ± ∞

    ``js`` is twice the usual Jensen-Shannon divergence (f is as in the paper's table) and ``hellinger`` twice the
    one with ½ in front. ``generator`` is the paper's saddle objective or its alternative, which does to every row what
    the non-saturating generator does to minimax. kl, reverse_kl and hellinger grow exponentially in v: `unbounded`.

    Reference: Nowozin et al. 2016, Tables 1, 2 and 6, Eq. 6 and Sec. 3.2.
    """

    def __init__(self, divergence: FDivergence = "js", generator: Literal["saddle", "alternative"] = "saddle"):
        super().__init__()
        self.divergence, self.unbounded = divergence, CONJUGATES[divergence].unbounded
        self.undecided = CONJUGATES[divergence].undecided
        self._term = {"saddle": "conjugate", "alternative": "activation"}[generator]

    def extra_repr(self) -> str:
        return f"divergence={self.divergence}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        terms = CONJUGATES[self.divergence]
        return terms.conjugate(fake).mean() - terms.activation(real).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -getattr(CONJUGATES[self.divergence], self._term)(fake).mean()
