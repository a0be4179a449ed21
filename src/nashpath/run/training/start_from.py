"""Members that start from the weights of another run's checkpoint (``start_from``), and what is kept about that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nashpath.core.tree import leaves, tree_map
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import TrainState, Trial, begin
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import checkpoint_digest, names, planned, restore_members
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.observe.snapshot import keeps_average, place
from nashpath.run.settings.build import Start
from nashpath.run.settings.flow import is_flow
from nashpath.run.settings.members import Member
from nashpath.run.settings.model import General
from nashpath.run.settings.weights import weights_of


@dataclass
class StartingPoints:
    """What each member starts from, by its index; empty for a run that starts from nothing."""

    weights: dict[int, Start] = field(default_factory=dict)
    states: dict[int, TrainState] = field(default_factory=dict)
    """Whole training states, where the solver's memory is taken over, too."""
    about: dict[str, Any] = field(default_factory=dict)
    """The run, its step and the digest of its checkpoint: what ``run.json`` keeps."""

    def resume_memory(self, members: Sequence[Member], program: Program) -> None:
        """Gives the members of a program the solver memory that they start with. Raises `SettingError`."""
        if self.states:
            given = zip(members, program.trials)
            program.load([_taken_over(self.states[m.index], trial, self.weights[m.index]) for m, trial in given], 0, [])


def starting_points(members: Sequence[Member], every: int) -> StartingPoints:
    """What the settings of these members, of ``every`` in the whole run, start them from.

    Raises `SettingError` where the run that they name is none, or has other members, or another checkpoint than the one
    that was written down, and `CheckpointError` where its checkpoint cannot be read.
    """
    settings = members[0].settings
    if not settings.start_from:
        chosen = {"start_member": -1, "start_with": "weights", "start_digest": ""}
        for key, usual in chosen.items():
            if getattr(settings, key) != usual:
                raise SettingError(f"{key}: there is no run to start from; name it with start_from (--start-from RUN)")
        return StartingPoints()
    folder = Path(settings.start_from).expanduser()
    theirs = _theirs(folder, members, every, settings.start_member)
    digest = checkpoint_digest(RunFolder(folder))
    if settings.start_digest not in ("", digest):
        raise SettingError(
            f"start_digest: the checkpoint in {folder} is {digest[:12]}…, not the one that was started from "
            f"({settings.start_digest[:12]}…); leave start_digest out to start from what is there now"
        )
    found = restore_members(folder, list(dict.fromkeys(theirs.values())), needs_data=False)
    if checkpoint_digest(RunFolder(folder)) != digest:
        raise SettingError(f"start_from: {folder} is being trained and wrote a new checkpoint; stop it, or try again")
    read = {member.index: (trial, state) for member, trial, state in found}
    steps = max(int(state.steps) for _, state in read.values())
    points = StartingPoints(about=_about(settings, folder, steps, digest))
    for index, their in theirs.items():
        trial, state = read[their]
        whence = f"{folder}, member {their}"
        points.weights[index] = Start(_weights(trial, state, settings.start_with, whence), whence)
        if settings.start_with == "memory":
            points.states[index] = state
    return points


def _about(settings: General, folder: Path, steps: int, digest: str) -> dict[str, Any]:
    own = {"member": settings.start_member} if settings.start_member >= 0 else {}
    return {"run": folder.absolute().name, "step": steps, "sha256": digest, "with": settings.start_with, **own}


def _theirs(folder: Path, members: Sequence[Member], every: int, asked: int) -> dict[int, int]:
    """The member of the other run that each member starts from. Raises `SettingError`."""
    store = RunFolder(folder)
    if not store.exists():
        raise SettingError(f"start_from: {folder} holds no run ({store.lacks})")
    if is_flow(store.read_config()):
        raise SettingError(f"start_from: {folder} holds a flow, which has no networks to start from")
    count = len(planned(folder))
    if asked >= count:
        raise SettingError(f"start_member: {asked}: {folder} has members 0 to {count - 1}")
    if asked < 0 and count not in (1, every):
        raise SettingError(
            f"start_from: {folder} has {count} members and this run {every}; say with start_member which one all start "
            "from"
        )
    return {m.index: asked if asked >= 0 else min(m.number, count - 1) for m in members}


def _weights(trial: Trial, state: TrainState, wanted: str, whence: str) -> Any:
    """Copies of a member's weights, the averaged ones where those are wanted."""
    if wanted == "averages" and not keeps_average(trial, state):
        raise SettingError(f"start_with=averages: {whence} keeps no averaged weights; start with its weights")
    place(trial, state, averaged=wanted == "averages")
    return {name: value.clone() for name, value in weights_of(trial.game).items()}


def _taken_over(state: TrainState, trial: Trial, start: Start) -> TrainState:
    """The training state before the first step of ``trial`` with everything but the counts of steps from ``state``."""
    own = begin(trial)
    here, there = ({name: leaf.shape for name, leaf in zip(names(s), leaves(s))} for s in map(_carried, (own, state)))
    for name in [*here, *there]:
        if here.get(name) != there.get(name):
            raise SettingError(
                f"start_with=memory: {name} is not the same here and in {start.whence}; memory is taken over where "
                "game and solver are those of that run: choose them so, or start with its weights"
            )
    point, memory = tree_map(lambda mine, their: their.to(mine.device), _carried(own), _carried(state))
    return own._replace(point=point, memory=memory)


def _carried(state: TrainState) -> Any:
    return state.point, state.memory
