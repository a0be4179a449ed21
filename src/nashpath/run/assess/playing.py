"""Playing on from a training state, or from a little beside it."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from nashpath.core import Point, Tree
from nashpath.diagnostics import Linearised
from nashpath.diagnostics.base import flatten
from nashpath.run.engine.sampler import following
from nashpath.run.engine.step import TrainState, Trial, hyperparameters_of, make_step

DISPLACED = 1e-2
"""The share of ``1 + ‖θ‖`` by which a point at rest is displaced where only playing on can tell."""


def displaced(train_state: TrainState, near: Linearised) -> TrainState:
    """A point at rest, moved a little in a fixed direction."""
    rng, players = torch.Generator().manual_seed(0), {}
    for who, own in train_state.point.players.items():
        reach = DISPLACED * (1 + float(near.vector[near.block(who)].norm()))
        moves = {k: torch.randn(v.shape, generator=rng).to(v) for k, v in own.items()}
        size = math.sqrt(sum(float(m.square().sum()) for m in moves.values()))
        players[who] = {k: v + reach / size * moves[k] for k, v in own.items()}
    return train_state._replace(point=Point(players, train_state.point.state))


def _played(train_state: TrainState) -> dict[str, Tree]:
    return train_state.point.players


def play_on(
    trial: Trial, train_state: TrainState, read: Callable[[TrainState], dict[str, Tree]] = _played
) -> Callable[[int], Tensor]:
    """Plays on by so many rounds a call, with batches of its own: all points so far, [rounds + 1, parameters].

    Where play leaves the finite numbers it ends, with infinity.
    ``read`` says what is a point: the weights that are played, or something that the solver keeps beside them.
    """
    step, numbers = make_step(trial), hyperparameters_of(trial)
    batches = following(trial.game, trial.solver.draws)
    period = trial.solver.unwrapped(train_state.memory)[0].period
    points, now = [flatten(read(train_state))], [train_state]

    @torch.no_grad()
    def further(rounds: int) -> Tensor:
        for _ in range(rounds):
            for _ in range(period):
                now[0], _ = step(now[0], numbers, next(batches))
            if int(now[0].diverged_player) >= 0:
                points.append(torch.full_like(points[-1], math.inf))
                break
            points.append(flatten(read(now[0])))
        return torch.stack(points)

    return further
