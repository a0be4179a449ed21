"""What noise on the samples does to the Jensen-Shannon game, to first order."""

import torch
from torch import Tensor

from nashpath.core import Batch, NonNegative
from nashpath.games.penalties.base import Critic, Penalty, slopes, squared_norms


class JensenShannon(Penalty):
    """Pulls ∇d to 0 where the discriminator errs, on real and on generated samples: the Jensen-Shannon regulariser.

    ::

        ½ weight · (E_p (1 − D)² ‖∇d‖² + E_q D² ‖∇d‖²),   D = σ(d)

    It is what noise of variance ``weight`` on all samples adds to the discriminator's cost of minimax and
    non-saturating, at the best D and to first order. The authors let ``weight`` fall from 2.

    Reference: Roth et al. 2017, Eq. 20 and 21; rothk/Stabilizing_GANs ``README.md``.
    """

    needs_input_gradient = True

    def __init__(self, weight: NonNegative = 2.0):
        super().__init__(weight=weight)

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        square = squared_norms(slopes(critic, torch.cat([real, fake])))
        on_real = torch.sigmoid(-critic(real)).flatten().square() * square[: len(real)]
        on_fake = torch.sigmoid(critic(fake)).flatten().square() * square[len(real) :]
        return 0.5 * self.weight * (on_real.mean() + on_fake.mean())
