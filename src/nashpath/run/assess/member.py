"""A trained member, as ordinary modules."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from nashpath.core import Key
from nashpath.core.source import Units
from nashpath.run.errors import SettingError
from nashpath.run.training.library import PlayedGame
from nashpath.solvers import Solver


@dataclass(frozen=True)
class LoadedMember(PlayedGame):
    """A member of a run folder at its last checkpoint: its game and solver, its settings, and what became of it.

    ``settings`` is the tree of resolved settings (``settings.penalty.weight``); ``outcome`` is ``finished``, or which
    player left the finite numbers, when, and through which module, gradient or parameter.
    """

    solver: Solver
    settings: Any
    seed: int
    steps: int
    outcome: str
    averaged: bool = False
    """Whether the modules hold averaged weights of the generator."""
    units: Units | None = None
    """The units of the data's columns where the run was trained in others (``data.scale=standard``)."""

    def sample(self, count: int, seed: int = 0) -> Tensor:
        """``count`` samples, ``[count, *shape]`` on the CPU: those of ``nashpath sample`` with the same seed.

        They are in the units of the data's file (`units`); the generator's own are those that it was trained in.
        Raises `SettingError` for a game that generates none.
        """
        if not hasattr(self.game, "sample"):
            raise SettingError(f"a {type(self.game).__name__} has no generator to sample from")
        device = next(self.game.parameters()).device
        found: Tensor = self.game.sample(Key(seed, "sampled", device), count).cpu()  # type: ignore[operator]
        return found if self.units is None else self.units.original(found)
