"""The zero-centred penalty on real samples."""

from torch import Tensor

from nashpath.core import Batch, NonNegative
from nashpath.games.penalties.base import Critic, Penalty, slopes, squared_norms


class R1(Penalty):
    """Pulls ∇d to 0 on real samples: R1, which makes the game locally convergent.

    ::

        ½ weight · E_p ‖∇d(x)‖₂²

    The authors' code leaves out the ½: its ``reg_param`` of 10 is a weight of 20 here.

    Reference: Mescheder et al. 2018, Eq. 9; LMescheder/GAN_stability ``gan_training/train.py``.
    """

    needs_input_gradient = True

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        return 0.5 * self.weight * squared_norms(slopes(critic, real)).mean()
