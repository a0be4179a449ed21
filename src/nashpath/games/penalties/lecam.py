"""An anchor for the logits, for training on little data."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from nashpath.core import Batch, Decay, NonNegative
from nashpath.core.math.averages import bias_correction
from nashpath.games.penalties.base import Critic, Penalty


class LeCam(Penalty):
    """Holds real logits down to the average generated logit, and generated ones up to the average real logit: LeCam.

    ::

        weight · (E_p max(0, d − a_q)² + E_q max(0, a_p − d)²)
        a_p ← decay · a_p + (1 − decay) · mean d(x),   the same for a_q;   from 0, divided by 1 − decayᵗ

    The averages include the present batch, carry no gradient, and are state: they change in the discriminator's turn.
    They are assigned here and not in an ``advance``, which would have to ask the critic about the batch once more; no
    derivative in the critic's input surrounds them.
    No slope is taken, so batch normalisation is allowed. The max(0, ·) is in the authors' code, not in the paper's
    equation. ``weight`` is 0.3 in their CIFAR scripts.

    Reference: Tseng et al. 2021, Eq. 4; google/lecam-gan ``stylegan2/lecam_loss.py`` and ``biggan_cifar/losses.py``.
    """

    learns = True
    real_sum: Tensor
    fake_sum: Tensor
    count: Tensor

    def __init__(self, weight: NonNegative = 0.3, decay: Decay = 0.99):
        super().__init__(weight=weight, decay=decay)
        for name in ("real_sum", "fake_sum", "count"):
            self.register_buffer(name, torch.zeros(()))

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        real, fake = critic(real), critic(fake)
        self.count = self.count + 1
        self.real_sum = self.decay * self.real_sum + (1 - self.decay) * real.mean().detach()
        self.fake_sum = self.decay * self.fake_sum + (1 - self.decay) * fake.mean().detach()
        share = bias_correction(self.decay, self.count)
        above = relu(real - self.fake_sum / share).square().mean()
        below = relu(self.real_sum / share - fake).square().mean()
        return self.weight * (above + below)
