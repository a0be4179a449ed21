"""Logits that stay as they are when a sample is shown differently."""

from torch import Tensor

from nashpath.core import Batch, Count, Key, NonNegative
from nashpath.games.penalties.base import Critic, Penalty
from nashpath.games.views import draw_view, view


class ConsistencyRegularisation(Penalty):
    """Pulls the logits of a real sample and of another view of it together: CR, CR-GAN.

    ::

        weight · E_p (d(x) − d(T(x)))²

    T mirrors images with probability ½ and shifts them by up to ``shift`` pixels (what is uncovered mirrors the
    border); to other samples it adds N(0, deviation²). No slope is taken; under batch normalisation the views move the
    running statistics too.

    Reference: Zhang et al. 2020 (CR-GAN), Eq. 4 and 5, Sec. 3.1 (T, weight 10).
    """

    def __init__(self, weight: NonNegative = 10.0, shift: Count = 4, deviation: NonNegative = 0.1):
        super().__init__(weight=weight, deviation=deviation)
        self.shift = shift

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, shift={self.shift}"

    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        return draw_view(key, lead, shape)

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        seen = critic(view(real, noise, self.shift, self.deviation))
        return self.weight * (critic(real) - seen).square().mean()
