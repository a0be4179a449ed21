"""Members of a finished or stopped run, as they were at its last checkpoint."""

from collections.abc import Sequence
from pathlib import Path

from nashpath.run.engine.sampler import Sampler, block_length
from nashpath.run.engine.step import TrainState, Trial, begin
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import load_checkpoint
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.members import Member, plan
from nashpath.run.settings.method_files import recall


def planned(folder: Path) -> list[Member]:
    """The members of the run in ``folder``; files of methods that it was made with are executed again.

    Raises `SettingError` where there is no run, and where its methods cannot be had.
    """
    store = RunFolder(folder)
    if not store.exists():
        raise SettingError(f"{folder} holds no run (no config.toml)")
    raw = store.read_config()
    recall(raw.pop("with", []), folder)
    return plan(raw, raw.pop("sweep", {}))


def restore_members(
    folder: Path, members: Sequence[int] | None = None, device: str = "cpu"
) -> list[tuple[Member, Trial, TrainState]]:
    """Members (default: all) with their trials and training states on ``device``; the checkpoint is read once.

    Raises `SettingError` or `CheckpointError`.
    """
    known = planned(folder)
    chosen = range(len(known)) if members is None else members
    for index in chosen:
        if not 0 <= index < len(known):
            raise SettingError(f"member {index}: the run has members 0 to {len(known) - 1}")
    trials = [build_trial(m.settings, m.seed, device) for m in known]
    like = []
    for m, trial in zip(known, trials):
        train_state = begin(trial)
        length = block_length(trial.game, trial.solver.draws, train_state.steps.device)
        like.append(
            (train_state, Sampler(trial.game, trial.solver.draws, m.seed, train_state.steps.device, length).state())
        )
    stored, _ = load_checkpoint(RunFolder(folder).checkpoint, like)
    return [(known[index], trials[index], stored[index][0]) for index in chosen]


def restore_member(folder: Path, member: int = 0, device: str = "cpu") -> tuple[Trial, TrainState]:
    """The trial of one member and its training state, on ``device``. Raises `SettingError` or `CheckpointError`."""
    _, trial, train_state = restore_members(folder, [member], device)[0]
    return trial, train_state
