"""The zero-centred penalty on generated samples."""

from torch import Tensor

from nashpath.core import Batch, NonNegative
from nashpath.games.critics import alike
from nashpath.games.penalties.base import Critic, Penalty, slopes, squared_norms


class R2(Penalty):
    """Pulls ∇d to 0 on generated samples: R2.

    ::

        ½ weight · E_q ‖∇d(x)‖₂²

    Reference: Mescheder et al. 2018, Eq. 10.
    """

    needs_input_gradient = True

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        return 0.5 * self.weight * squared_norms(slopes(alike(critic, fake), fake)).mean()
