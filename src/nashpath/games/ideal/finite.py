"""The idealised game on finitely many points."""

import torch
from torch import Tensor

from nashpath.core import Count, Number
from nashpath.games.ideal.population import PopulationGame
from nashpath.games.objectives import Objective
from nashpath.games.toys.base import Vector


class Softmax(Vector):
    """A distribution on k points, by k free logits; calling it returns log-masses."""

    def forward(self) -> Tensor:
        return self.value.log_softmax(0)


class Ideal(PopulationGame):
    """Idealised minimax GAN ("IMM-GAN") on a finite support: any distribution against any discriminator.

    ::

        V(q, D) = E_p log D + E_q log(1 − D),   D* = p / (p + q),   V(q, D*) = −log 4 + 2 JS(p‖q) ≥ −log 4

    The support is ``atoms`` points evenly on [−4, 4]. The data have masses ∝ exp(−x²/2), the generator starts at
    ∝ exp(−(x − shift)²/2) and moves the logits of its masses. For any other masses, use
    ``PopulationGame(Softmax(q.log()), p.log(), points)``.

    Reference: Goodfellow et al. 2014, Prop. 1 and 2, Theorem 1; Barnett 2018 (IMM-GAN).
    """

    def __init__(self, objective: Objective | None = None, atoms: Count = 16, shift: Number = 2.0):
        points = torch.linspace(-4, 4, atoms)
        log_data = (-points.square() / 2).log_softmax(0)
        super().__init__(Softmax(-(points - shift).square() / 2), log_data, points, objective)
