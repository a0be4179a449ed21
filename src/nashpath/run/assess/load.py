"""`load`: a trained member of a run folder, as ordinary modules."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from nashpath.core import Key
from nashpath.core.source import Units
from nashpath.run.engine.step import outcome
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import read_meta, restore_members
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.observe.snapshot import keeps_average, place, units_from
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


def load(
    run: str | Path,
    member: int = 0,
    averaged: bool = True,
    device: str = "cpu",
    data_path: str | Path | None = None,
    width: float | None = None,
) -> LoadedMember:
    """Loads a member of the run folder ``run`` from its last checkpoint, on ``device``.

    Its modules hold averaged weights where the run keeps an average (``average=ema``), as ``nashpath sample`` uses;
    ``averaged=False`` gives the weights of the last step, ``width`` an average of another width than the run's
    (``average=post_hoc``). ``data_path`` says where the run's data are now; where they
    are not found the game samples all the same. Raises `SettingError` where there is no such run or member, or
    for ``width`` with ``averaged=False``, and `CheckpointError` where its checkpoint cannot be read.
    """
    if width is not None and not averaged:
        raise SettingError("width chooses an average, and averaged=False asks for none: leave one of them out")
    planned, trial, train_state = restore_members(
        Path(run), [member], device, Path(data_path) if data_path else None, needs_data=False
    )[0]
    if width is not None:
        trial.solver.at_width(width)
    place(trial, train_state, averaged)
    steps = int(train_state.steps)
    known = read_meta(RunFolder(Path(run)))
    told = outcome(trial, train_state, known.get("causes", {}).get(str(member), ""))
    averaged = averaged and keeps_average(trial, train_state)
    return LoadedMember(
        trial.game, trial.solver, planned.settings, planned.seed, steps, told, averaged, units_from(known, member)
    )
