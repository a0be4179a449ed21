"""Plug-in estimates of f-divergences as generator costs: the discriminator's ratio in the divergence."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from nashpath.core.math.f_divergences import F_DIVERGENCES, logistic_loss
from nashpath.games.objectives.base import Objective

Costs = Literal["reverse_kl", "forward_kl", "chi2", "hellinger", "js", "exponential"]
PLUG_INS: dict[str, Callable[[Tensor], Tensor]] = {**F_DIVERGENCES, "exponential": lambda d: -torch.exp(1.5 * d)}
"""Each cost as a function of the logit."""


class PlugIn(Objective):
    """Plug-in divergence: the generator minimises ``E_q f(r̂)`` with the ratio ``r̂ = exp(d)`` of the discriminator.

    ::

        J_D = E_p softplus(−d) + E_q softplus(d)        J_G = E_q f(exp(d))

    The discriminator's ratio does not carry the generator's parameters, so this is *not* the gradient of D_f. It works
    exactly where −f(exp(·)) is increasing: reverse_kl, and exponential, ``f(r) = −r^1.5``, which is no divergence.
    forward_kl, chi2, hellinger and js drive the generator away from the data. Kept to show that; train with
    `MonoFlowObjective`. All but reverse_kl grow exponentially in d: `unbounded`.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 4.3; mingxuan-yi/MonoFlow, the two notebooks.
    """

    def __init__(self, cost: Costs = "reverse_kl"):
        super().__init__()
        self.cost, self.unbounded = cost, cost != "reverse_kl"

    def extra_repr(self) -> str:
        return f"cost={self.cost}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return logistic_loss(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return PLUG_INS[self.cost](fake).mean()
