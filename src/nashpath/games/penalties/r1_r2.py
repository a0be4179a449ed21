"""R1 and R2 at once, in one pass of the critic."""

import torch
from torch import Tensor

from nashpath.core import Batch, NonNegative
from nashpath.games.penalties.base import Critic, Penalty, slopes, squared_norms


class R1R2(Penalty):
    """Pulls ∇d to 0 on real and on generated samples: R1 + R2, the penalty of R3GAN.

    ::

        ½ weight · (E_p ‖∇d(x)‖₂² + E_q ‖∇d(x)‖₂²)

    Reference: Mescheder et al. 2018, Eq. 9 and 10; Huang et al. 2024, brownvc/R3GAN ``R3GAN/Trainer.py``.
    """

    needs_input_gradient = True

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        square = squared_norms(slopes(critic, torch.cat([real, fake])))
        return 0.5 * self.weight * (square[: len(real)].mean() + square[len(real) :].mean())
