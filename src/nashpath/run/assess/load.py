"""`load`: a trained member of a run folder, or an exported one, as ordinary modules."""

from pathlib import Path

from nashpath.run.assess.hub_models import PREFIX, fetched
from nashpath.run.assess.loaded_file import load_file
from nashpath.run.assess.member import LoadedMember
from nashpath.run.engine.step import outcome
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import read_meta, restore_members
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.observe.snapshot import keeps_average, place, units_from


def load(
    run: str | Path,
    member: int = 0,
    averaged: bool = True,
    device: str = "cpu",
    data_path: str | Path | None = None,
    width: float | None = None,
) -> LoadedMember:
    """Loads a member of the run folder ``run`` from its last checkpoint, on ``device``.

    ``run`` may also be a ``.safetensors`` file that `export` wrote, or such a file on the Hugging Face Hub
    (``hub:owner/name``, or ``hub:owner/name@revision``); what it holds was chosen then, and it comes without its
    discriminator.

    Its modules hold averaged weights where the run keeps an average (``average=ema``), as ``nashpath sample`` uses;
    ``averaged=False`` gives the weights of the last step, ``width`` an average of another width than the run's
    (``average=post_hoc``). ``data_path`` says where the run's data are now; where they
    are not found the game samples all the same. Raises `SettingError` where there is no such run or member, or
    for ``width`` with ``averaged=False``, and `CheckpointError` where its checkpoint cannot be read.
    """
    if width is not None and not averaged:
        raise SettingError("width chooses an average, and averaged=False asks for none: leave one of them out")
    if Path(run).is_file() or str(run).startswith(PREFIX):
        if member or not averaged or width is not None or data_path is not None:
            raise SettingError(f"{run}: an exported generator is one member; leave the other choices out")
        return load_file(fetched(str(run)) if str(run).startswith(PREFIX) else Path(run), device)
    planned, trial, train_state = restore_members(
        Path(run), [member], device, Path(data_path) if data_path else None, needs_data=False
    )[0]
    if width is not None:
        trial.solver.at_width(width)
    place(trial, train_state, averaged)
    steps = int(train_state.steps)
    known = read_meta(RunFolder(Path(run)))
    told = outcome(trial, train_state, known.get("causes", {}).get(str(member), ""))
    told = "stopped" if told == "finished" and steps < planned.settings.steps else told
    averaged = averaged and keeps_average(trial, train_state)
    return LoadedMember(
        trial.game, told, steps, trial.solver, planned.settings, planned.seed, averaged, units_from(known, member)
    )
