"""The mean of all strategies that a player has played, kept online."""

import torch
from torch import Tensor, nn

from nashpath.core import Hyperparameters, NonNegative


class History(Hyperparameters):
    """One player's historical averaging: the running mean of its parameters, and what it costs to be away from it.

    State: ``mean`` (all parameters of the player, flat) and ``count``, renewed by each call. Returns
    ``coefficient · ‖θ − mean‖²``, where the mean includes the present θ and is held constant in derivatives.
    """

    mean: Tensor
    count: Tensor

    def __init__(self, player: nn.Module, coefficient: NonNegative):
        super().__init__(coefficient=coefficient)
        self.register_buffer("mean", torch.zeros_like(flat(player)))
        self.register_buffer("count", torch.zeros(()))

    def forward(self, player: nn.Module) -> Tensor:
        theta = flat(player)
        self.count = self.count + 1
        self.mean = self.mean + (theta.detach() - self.mean) / self.count
        return self.coefficient * (theta - self.mean).square().sum()


def flat(player: nn.Module) -> Tensor:
    """All parameters of a player in one vector."""
    return torch.cat([parameter.flatten() for parameter in player.parameters()])
