"""The average that forgets."""

import torch
from torch import Tensor

from nashpath.core import Decay
from nashpath.solvers.averaged import WeightAveraging
from nashpath.solvers.base import Solver


class EMA(WeightAveraging):
    """Exponential moving average of the generator under any solver; sampling and metrics use it.

    ::

        a ← d a + (1 − d) θ_G,   d = min(decay, (1 + n) / (10 + n)) at step n = 1, 2, …,   a₀ = θ_G

    The decay rises to its value, so that short runs forget their start: at a constant decay of .999 the average of 100
    steps would be 90 % the initial weights, here it is 2e-12 of them. Running means and variances are averaged alike.

    Reference: Yazıcı et al. 2019, Sec. 3.1; the rise is ``num_updates`` of ``tf.train.ExponentialMovingAverage``.
    """

    def __init__(self, solver: Solver, decay: Decay = 0.999, player: str = "generator"):
        super().__init__(solver, player, share=1 - decay)  # of a decay near 1, 32 bits hold the difference better

    def share(self, count: Tensor) -> Tensor:
        return torch.maximum(self.numbers.share, 9 / (10 + count))
