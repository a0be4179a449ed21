"""R1 now and then, and as strong."""

from typing import Literal

import torch
from torch import Tensor

from nashpath.core import Batch, Count, NonNegative
from nashpath.games.penalties.base import Critic, Penalty, slopes, squared_norms
from nashpath.games.penalties.r1 import R1


class LazyR1(Penalty):
    """R1 at every k-th step with k times its weight, as in StyleGAN2; or on every k-th part of the real samples.

    ::

        over="steps":    ½ weight · k · E_p ‖∇d(x)‖²  at steps 0, k, 2k, …, else 0
        over="samples":  ½ weight · the mean of ‖∇d(x)‖² over the first ⌈batch / k⌉ real samples, at every step

    with k = ``interval``; over k steps both add up to what R1 costs, in expectation. ``steps`` trains as the authors'
    loop does but saves nothing: members of a stack share one graph, so the slope is taken at every step and not used.
    ``samples`` saves all but 1/k of R1's second derivative, for a noisier gradient. The rare step of ``steps`` is k
    times as long: where rate · weight · k exceeds 2, plain descent on ½ weight · k · ψ² leaves. The number of the
    discriminator's turns is state, which `advance` renews before each; called without any it costs R1. The authors also
    scale the discriminator's rate by k / (k + 1) and raise its decays to that power: left to its settings.

    Reference: Karras et al. 2020 (StyleGAN2), Sec. 3.1 and Appendix B; NVlabs/stylegan2 ``training/training_loop.py``.
    """

    needs_input_gradient = True
    count: Tensor

    def __init__(self, weight: NonNegative = 10.0, interval: Count = 16, over: Literal["steps", "samples"] = "steps"):
        super().__init__(weight=weight)
        self.interval, self.over = interval, over
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, interval={self.interval}, over={self.over!r}"

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        if self.over == "samples":
            part = real[: -(-len(real) // self.interval)]
            return 0.5 * self.weight * squared_norms(slopes(critic, part)).mean()
        price = 0.5 * self.weight * squared_norms(slopes(critic, real)).mean()
        rare = torch.where((self.count - 1) % self.interval == 0, self.interval * price, torch.zeros_like(price))
        return torch.where(self.count > 0, rare, price)

    def on_average(self) -> Penalty:
        return self if self.over == "samples" else R1(float(self.weight)).to(self.weight)

    def advance(self) -> None:
        self.count = self.count + 1
