"""Cumulants in the place of means: from Wasserstein to the Rényi divergences."""

import torch
from torch import Tensor

from nashpath.core import NonNegative
from nashpath.games.objectives.base import Objective


class Cumulant(Objective):
    """Cumulant GAN: cumulant generating functions of the logits, of which two numbers choose the divergence.

    ::

        J_D = (1/β) log E_p exp(−β d) + (1/γ) log E_q exp(γ d)        J_G = −(1/γ) log E_q exp(γ d)

        β, γ       −min J_D over all d                         the best d, up to a constant
        0, 0       Wasserstein (with a Lipschitz constraint)
        0, 1       KL(p‖q)                                     log(p/q)
        1, 0       KL(q‖p)                                     log(p/q)
        ½, ½       −4 log ∫ √(pq), of the Hellinger distance   log(p/q)
        1, 1       −2 log ∫ √(pq)                              ½ log(p/q)

    At β = 0 or γ = 0 the cumulant is the mean. β + γ = 1 gives the Rényi divergences. Adding a constant to d
    changes J_D not at all, J_G by a constant. The means of exp are those of the batch, so the cost of a batch is a
    biased estimate. Large β weighs real samples that D takes for generated, large γ generated ones that it takes for
    real.

    Reference: Pantazis et al. 2022 (Cumulant GAN, arXiv 2006.06625), Sec. III; dipjyoti92/CumulantGAN
    ``cumgan_gmm8.py``.
    """

    batchwise = True
    undecided = None

    def __init__(self, beta: NonNegative = 0.5, gamma: NonNegative = 0.5):
        super().__init__(beta=beta, gamma=gamma)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return cumulant(-real, self.beta) + cumulant(fake, self.gamma)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return -cumulant(fake, self.gamma)


def cumulant(values: Tensor, power: Tensor) -> Tensor:
    """``(1/power) log E exp(power · values)``, a scalar to within the rounding of the values; the mean at power 0."""
    mean = values.mean()
    centre = mean.detach()  # any constant does
    positive = power > NEGLIGIBLE
    safe = torch.where(positive, power, torch.ones_like(power))
    spread = (safe * (values - centre)).flatten()
    near = torch.log1p(torch.expm1(spread.clamp(max=FAR)).mean())  # log E exp, which is small where the spread is
    far = torch.logsumexp(spread, 0) - torch.log(torch.full_like(safe, len(spread)))
    return torch.where(positive, centre + torch.where(spread.max() < FAR, near, far) / safe, mean)


FAR = 30.0
"""Exponents from which on the logarithm of a mean of exp is taken without its exp, which may overflow."""
NEGLIGIBLE = 1e-30
"""A power at which the cumulant is the mean: it is off by half the power times the variance."""
