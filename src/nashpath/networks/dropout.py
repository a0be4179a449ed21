"""Dropout whose draws come with the game's batch."""

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Decay
from nashpath.core.noise import Noise


class Dropout(Noise):
    """Sets every number that passes to 0 with probability ``rate``, in training, and scales the others up.

    ::

        y = x · 1[ε > Φ⁻¹(rate)] / (1 − rate),   ε ~ N(0, 1)

    The ε are part of the game's batch (`nashpath.core.noise`), one row a sample, shared by the passes of one turn; so a
    network with it can be stacked, compiled and repeated, and ``rate`` swept. Outside of a priced batch, and in eval
    mode, the layer is the identity. Shapes: ``[batch, *shape] -> [batch, *shape]``. Raises `ValueError` for a batch
    that is not a whole multiple of the drawn rows.

    Reference: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, "Dropout: A Simple Way to Prevent Neural
    Networks from Overfitting".
    """

    def __init__(self, shape: tuple[int, ...], rate: Decay = 0.5):
        super().__init__(shape, rate=rate)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.rows(x.shape[0])
        if rows is None:
            return x
        kept = rows.to(x.dtype) > torch.special.ndtri(self.rate)
        return torch.where(kept, x / (1 - self.rate), 0.0)
