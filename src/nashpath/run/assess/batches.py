"""Batches of a diagnosis, in the precision of the game."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from nashpath.core import Batch, Game, Key, tree_map
from nashpath.run.engine.sampler import Sampler


def to_float64(value: Any) -> Any:
    """The same module or tree in float64: curvatures need the digits."""
    if isinstance(value, torch.nn.Module):
        return value.double()
    return tree_map(lambda v: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v, value)


def draw(game: Game, key: Key, count: int) -> Batch:
    """``count`` batches in the precision of the game's own parameters."""
    return _in_precision(game, game.draw(key, (count,)))


def following(game: Game, draws: int) -> Iterator[Batch]:
    """The batches of one step after the other, ``draws`` for each, in the precision of the game's own parameters."""
    sampler, done = Sampler([game], draws, [0], next(game.parameters()).device, "diagnosis"), 0
    while True:
        for (one,) in sampler.block(done, sampler.length, stacked=False):
            yield _in_precision(game, one)
        done += sampler.length


def _in_precision(game: Game, drawn: Batch) -> Batch:
    return to_float64(drawn) if next(game.parameters()).dtype == torch.float64 else drawn
