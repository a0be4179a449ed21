"""Noise on real and on generated samples, which fades."""

import torch
from torch import Tensor, nn

from nashpath.core import Game, NonNegative, Stateful, checks_arguments
from nashpath.core.noise import Noise
from nashpath.games.techniques.around import AroundCritic, gan_of, wrap_critics


class InstanceNoise(Noise, Stateful):
    """Adds N(0, σ²) to samples, ``σ = deviation · max(0, 1 − turns / steps)``; its ``turns`` are state."""

    sides = 2
    turns: Tensor

    def __init__(self, shape: tuple[int, ...], deviation: NonNegative = 0.1, steps: NonNegative = 0.0):
        super().__init__(shape, deviation=deviation, steps=steps)
        self.register_buffer("turns", torch.zeros(()))

    def advance(self) -> None:
        self.turns = self.turns + 1

    def sigma(self) -> Tensor:
        """The present deviation, a scalar."""
        fades = self.steps > 0
        share = self.turns / torch.where(fades, self.steps, torch.ones_like(self.steps))
        return self.deviation * torch.where(fades, (1 - share).clamp(min=0), torch.ones_like(share))

    def forward(self, x: Tensor) -> Tensor:
        rows = self.rows(x.shape[0])
        return x if rows is None else x + (self.sigma() * rows).to(x.dtype)


@checks_arguments
def instance_noise(game: Game, deviation: NonNegative = 0.1, steps: NonNegative = 0.0) -> Game:
    """Instance noise: the critic sees real and generated samples through normal noise of one size, which may fade.

    ::

        d(x) ← d(x + σ ε),   ε ~ N(0, I),   σ = deviation · max(0, 1 − t / steps);   steps = 0: σ = deviation

    in both players' costs and in penalties, ε drawn for real and for generated samples apart; t counts the
    discriminator's turns (1, 2, …) and is state. Distributions that do not overlap then do, so that their divergence is
    finite and has a gradient. The best critic is that of the blurred distributions, which agree exactly where the sharp
    ones do.

    Raises `ValueError` for a game without samples.

    Reference: Sønderby et al. 2017 (Amortised MAP Inference), Sec. 3.3; Arjovsky and Bottou 2017, Sec. 3.
    """
    gan = gan_of(game, "instance_noise")

    def noisy(network: nn.Module) -> nn.Module:
        return AroundCritic(network, InstanceNoise(tuple(gan.data.shape), deviation, steps))

    return wrap_critics(gan, noisy)
