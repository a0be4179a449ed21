"""A cost for running in circles, for the players of any game."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from nashpath.core import Game, NonNegative, Term, checks_arguments

Who = Literal["both", "generator", "discriminator"]
NAME = "historical_averaging"


class HistoricalAveraging(Term):
    """The term of historical averaging: the distance of players to the means of their past parameters.

    State: each player's `History`, renewed in its own turn, so that the mean includes the parameters that are priced.
    """

    def __init__(self, players: Mapping[str, nn.Module], coefficient: NonNegative = 0.1):
        super().__init__(coefficient=coefficient)
        self.history = nn.ModuleDict({who: History(module) for who, module in players.items()})

    def advance(self, player: str, module: nn.Module) -> None:
        history = self._of(player)
        if history is not None:
            history.add(flat(module).detach())

    def forward(self, player: str, module: nn.Module) -> Tensor:
        history = self._of(player)
        if history is None:
            return torch.zeros_like(self.coefficient)
        return self.coefficient * (flat(module) - history.mean).square().sum()

    def _of(self, player: str) -> "History | None":
        if player not in self.history:
            return None
        history = self.history[player]
        assert isinstance(history, History)
        return history


class History(nn.Module):
    """The mean of all strategies that a player has played, kept online; before the first, its present strategy.

    State: ``mean`` (all parameters, flat) and ``count``, how many strategies it is the mean of.
    """

    mean: Tensor
    count: Tensor

    def __init__(self, player: nn.Module):
        super().__init__()
        self.register_buffer("mean", flat(player).detach().clone())
        self.register_buffer("count", self.mean.new_zeros(()))

    def add(self, theta: Tensor) -> None:
        """Takes one more strategy into the mean."""
        self.count = self.count + 1
        self.mean = self.mean + (theta - self.mean) / self.count


def flat(player: nn.Module) -> Tensor:
    """All parameters of a player in one vector."""
    return torch.cat([parameter.flatten() for parameter in player.parameters()])


@checks_arguments
def historical_averaging(game: Game, coefficient: NonNegative = 0.1, player: Who = "both") -> Game:
    """Historical averaging: each player pays for its distance to the mean of its own past parameters.

    ::

        J_i ← J_i + coefficient · ‖θ_i − (1/t) Σ_{s ≤ t} θ_i[s]‖²

    on one or both players of any game. The mean is kept online, includes the present θ, is constant in the
    derivative (whose value is ``2 coefficient (θ − mean)``), and changes in the player's own turn only; where a solver
    evaluates the field more than once a step, the evaluation that renews running statistics counts. A large
    coefficient freezes the players at a stale mean; 0.1 suits the toys. The paper gives no coefficient, and the
    released code has no historical averaging.

    The term is added to ``game.terms`` in place; returns the game. Raises ValueError for a player that the game does
    not have, or a game that has the term already.

    Reference: Salimans et al. 2016, Sec. 3.3.
    """
    chosen = game.players if player == "both" else (player,)
    if not set(chosen) <= set(game.players):
        raise ValueError(f"the game's players are {game.players}; there is no {player!r} to average")
    if NAME in game.terms:
        raise ValueError("this game has historical_averaging already; give it player='both' once")
    game.terms[NAME] = HistoricalAveraging({who: game.get_submodule(who) for who in chosen}, coefficient)
    return game
