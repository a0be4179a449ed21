"""A member of a finished or stopped run, as it was at its last checkpoint."""

from pathlib import Path

from nashpath.run.build import build_trial
from nashpath.run.checkpoint import load_checkpoint
from nashpath.run.draws import Sampler, block_length
from nashpath.run.members import plan
from nashpath.run.overrides import SettingError
from nashpath.run.step import Carry, Trial, begin
from nashpath.run.store import Store


def restore_member(folder: Path, member: int = 0, device: str = "cpu") -> tuple[Trial, Carry]:
    """The trial of one member and its carry, on ``device``. Raises `SettingError` or `CheckpointError`."""
    store = Store(folder)
    if not store.exists():
        raise SettingError(f"{folder} holds no run (no config.toml)")
    raw = store.read_config()
    members = plan(raw, raw.pop("sweep", {}))
    if member >= len(members):
        raise SettingError(f"member {member}: the run has members 0 to {len(members) - 1}")
    trials = [build_trial(m.settings, m.seed, device) for m in members]
    like = []
    for m, trial in zip(members, trials):
        carry = begin(trial)
        length = block_length(trial.game, trial.solver.draws, carry.steps.device)
        like.append((carry, Sampler(trial.game, trial.solver.draws, m.seed, carry.steps.device, length).state()))
    stored, _ = load_checkpoint(store.checkpoint, like)
    return trials[member], stored[member][0]
