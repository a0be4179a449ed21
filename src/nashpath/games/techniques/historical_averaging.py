"""A cost for running in circles, for the players of any game.

The averaged game is the same game of a derived class: players, parameter names, batches and samples are untouched, so
solvers, checkpoints and reports see what they saw, plus one cost term and its state (``history.<player>.…``).
"""

from functools import cache
from typing import Literal

from torch import Tensor, nn

from nashpath.core import Batch, Game, NonNegative
from nashpath.games.techniques.history import History

Who = Literal["both", "generator", "discriminator"]


class HistoricalAveraging(Game):
    """What `historical_averaging` mixes into a game's class: the term in `forward`."""

    history: nn.ModuleDict

    def forward(self, player: str, batch: Batch) -> Tensor:
        cost = super().forward(player, batch)
        return cost + self.history[player](self.get_submodule(player)) if player in self.history else cost


def historical_averaging(game: Game, coefficient: NonNegative = 0.1, player: Who = "both") -> Game:
    """Historical averaging: each player pays for its distance to the mean of its own past parameters.

    ::

        J_i ← J_i + coefficient · ‖θ_i − (1/t) Σ_{s ≤ t} θ_i[s]‖²

    on one or both players of any game. The mean is kept online, includes the present θ, is constant in the
    derivative (whose value is ``2 coefficient (θ − mean)``), and changes in the player's own turn only; where a solver
    evaluates the field more than once a step, the evaluation that renews running statistics counts. A large
    coefficient freezes the players at a stale mean; 0.1 suits the toys. The paper gives no coefficient, and the
    released code has no historical averaging.

    Returns a game with the same players and modules (shared, not copied) that is also an instance of the game's own
    class. Raises ValueError for a player that the game does not have, or a game that has the term already.

    Reference: Salimans et al. 2016, Sec. 3.3.
    """
    chosen = game.players if player == "both" else (player,)
    if not set(chosen) <= set(game.players):
        raise ValueError(f"the game's players are {game.players}; there is no {player!r} to average")
    if isinstance(game, HistoricalAveraging):
        raise ValueError("this game has historical averaging already; give it player='both' once")
    kind = _over(type(game))
    averaged = kind.__new__(kind)
    averaged.__dict__.update({**game.__dict__, "_modules": dict(game._modules)})
    averaged.history = nn.ModuleDict({who: History(game.get_submodule(who), coefficient) for who in chosen})
    return averaged


@cache
def _over(kind: type[Game]) -> type[HistoricalAveraging]:
    return type(f"HistoricalAveraging{kind.__name__}", (HistoricalAveraging, kind), {})
