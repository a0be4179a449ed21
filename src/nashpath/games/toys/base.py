"""The base of toy games: players that are plain vectors, without randomness."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Game

ORIGIN: Mapping[str, float] = {"generator": 0.0, "discriminator": 0.0}
"""An equilibrium at which every coordinate of both players is zero."""


class Vector(nn.Module):
    """A player whose strategy is a vector, its only parameter ``value``."""

    def __init__(self, value: Sequence[float] | Tensor):
        super().__init__()
        self.value = nn.Parameter(torch.as_tensor(value, dtype=torch.get_default_dtype()).clone())


class ZeroSum(Game):
    """A zero-sum game between vectors: the generator ``x`` minimises ``value``, the discriminator ``y`` maximises.

    ``equilibrium`` is the known one: the value of each player's coordinates there.
    """

    equilibrium: ClassVar[Mapping[str, float] | None] = ORIGIN

    def __init__(self, x: Sequence[float] | Tensor, y: Sequence[float] | Tensor):
        super().__init__()
        self.generator, self.discriminator = Vector(x), Vector(y)

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """The value f(x, y) that x pays to y, a scalar."""
        raise NotImplementedError

    def draw(self, rng: torch.Generator, lead: tuple[int, ...] = ()) -> Batch:
        return {}

    def forward(self, player: str, batch: Batch) -> Tensor:
        value = self.value(self.generator.value, self.discriminator.value)
        return value if player == "generator" else -value
