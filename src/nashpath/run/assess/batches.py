"""Batches of a diagnosis, in the precision of the game."""

from typing import Any

import torch
from torch import Tensor

from nashpath.core import Batch, Game, tree_map


def to_float64(value: Any) -> Any:
    """The same module or tree in float64: curvatures need the digits."""
    if isinstance(value, torch.nn.Module):
        return value.double()
    return tree_map(lambda v: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v, value)


def draw(game: Game, rng: torch.Generator, count: int) -> Batch:
    """``count`` batches in the precision of the game's own parameters."""
    drawn = game.draw(rng, (count,))
    return to_float64(drawn) if next(game.parameters()).dtype == torch.float64 else drawn
