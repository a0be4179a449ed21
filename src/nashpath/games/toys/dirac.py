"""The smallest GAN: one point of data, one point of model, a linear critic."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from nashpath.core import Count, Number
from nashpath.games.gan import GAN
from nashpath.games.objectives import Objective
from nashpath.games.penalties import Penalty
from nashpath.games.toys.base import ORIGIN, Vector


class _Origin:
    """All data at zero."""

    shape: tuple[int, ...] = (1,)

    def draw(self, rng: torch.Generator, count: int) -> dict[str, Tensor]:
        return {"real": torch.zeros(count, 1, device=rng.device)}


class _PointMass(Vector):
    """A generator that ignores its latent: θ for every sample."""

    def forward(self, latent: Tensor) -> Tensor:
        return self.value.expand(latent.shape[0], 1)


class _LinearCritic(Vector):
    """The critic d(x) = ψ x."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.value


class DiracGAN(GAN):
    """Data δ₀, model δ_θ, critic d(x) = ψ x, under any objective and penalty; the equilibrium is (0, 0).

    ::

        J_D and J_G of the objective at the logits d(0) = 0 and d(θ) = ψ θ

    Without penalty the Jacobian's eigenvalues at the equilibrium are ± i f'(0) for every objective; with R1 of weight
    γ they are ``−γ/2 ± sqrt(γ²/4 − f'(0)²)`` (as a flow that descends).

    Reference: Mescheder et al. 2018, Definition 2.1, Lemmas 2.3 and 4.1.
    """

    has_samples = False  # two numbers say more
    equilibrium: ClassVar[Mapping[str, float] | None] = ORIGIN

    def __init__(
        self,
        objective: Objective | None = None,
        penalty: Penalty | None = None,
        x: Number = 1.0,
        y: Number = 1.0,
        batch_size: Count = 1,
    ):
        generator: nn.Module = _PointMass([float(x)])
        super().__init__(
            generator, _LinearCritic([float(y)]), objective, penalty, data=_Origin(), latent=1, batch_size=batch_size
        )
