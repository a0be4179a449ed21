"""No penalty: the neutral row of the table."""

from torch import Tensor

from nashpath.core import Batch
from nashpath.games.penalties.base import Critic, Penalty


class NoPenalty(Penalty):
    """Leaves the discriminator's cost as it is.

    ::

        0

    Reference: Goodfellow et al. 2014, Algorithm 1 (which has none).
    """

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        return real.new_zeros(())
