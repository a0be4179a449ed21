"""Checkpoints: every tensor of every member in one safetensors file, written atomically; members restored from one.

A tensor's name is the way to it, ``member0.point.players.generator.head.weight`` or ``member0.sampler.offset``; it is
made here, and so depends on no other library. Nothing is pickled. `names` says what happens where two ways read alike.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nashpath.core.tree import leaves, located_leaves, tree_map
from nashpath.run.engine.sampler import Sampler, block_length
from nashpath.run.engine.step import TrainState, Trial, begin
from nashpath.run.errors import SettingError
from nashpath.run.folder.run_folder import RunFolder, write_atomic
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.members import Member, plan
from nashpath.run.settings.method_files import recall

FORMAT = "nashpath checkpoint 2"
EARLIER = {"nashpath checkpoint 1": "nashpath 0.1"}
"""Formats that are not read any more, and the version that does."""

STATISTICS = ".statistics."
"""What averages keep of running statistics; nashpath 0.2 kept none, and used those of the present network."""

StoredMember = tuple[TrainState, dict[str, Tensor]]
"""A member's training state, and the state of its sampler."""


class CheckpointError(ValueError):
    """A checkpoint that is damaged, of an earlier format, or that belongs to another experiment."""


def names(tree: Any) -> list[str]:
    """The name of each leaf of a tree, in the order of `leaves`: its steps, joined by dots; all are different.

    Where steps hold dots themselves and two names would be alike, as in ``{"a.b": {"c": …}, "a": {"b.c": …}}``, the
    dots inside steps are written ``\\.`` (and so are those beside a backslash, which is written twice).
    """
    located = [[str(step) for step in steps] for steps, _ in located_leaves(tree)]
    plain = [".".join(steps) for steps in located]
    alike = Counter(plain)
    return [
        name if alike[name] == 1 and "\\" not in name else ".".join(_escaped(step) for step in steps)
        for name, steps in zip(plain, located)
    ]


def _escaped(step: str) -> str:
    return step.replace("\\", "\\\\").replace(".", "\\.")


def tree_of(member: StoredMember) -> dict[str, Any]:
    """All of a member's tensors as one tree."""
    train_state, sampler = member
    return {**train_state._asdict(), "sampler": sampler}


def save_checkpoint(path: Path, members: Sequence[StoredMember], meta: dict[str, Any]) -> None:
    """Writes each member's carry and sampler state, and ``meta`` (JSON values), atomically."""
    tensors: dict[str, Tensor] = {}
    for index, tree in enumerate(map(tree_of, members)):
        tensors |= {f"member{index}.{name}": leaf for name, leaf in zip(names(tree), leaves(tree))}
    flat = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_atomic(path, save(flat, {"format": FORMAT, "meta": json.dumps(meta)}))


def load_checkpoint(path: Path, like: Sequence[StoredMember]) -> tuple[list[StoredMember], dict[str, Any]]:
    """``(members, meta)``, with the structure and devices of ``like``. Raises `CheckpointError` if it does not fit."""
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint; the run was stopped before its first one")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            check_format(path, header.get("format"))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise CheckpointError(f"{path}: damaged ({error}); restore it from a copy, or start anew") from None
    members = [_fill(member, f"member{index}.", tensors, path) for index, member in enumerate(like)]
    if tensors:
        raise CheckpointError(f"{path}: holds more than this experiment has, such as {min(tensors)}")
    return members, json.loads(header["meta"])


def check_format(path: Path, found: str | None) -> None:
    """Raises `CheckpointError` for every format but the present one; of an earlier one it says who reads it."""
    if found in EARLIER:
        raise CheckpointError(
            f"{path} has the format {found!r}, which {EARLIER[found]} reads; this version reads {FORMAT!r} only: train "
            f"the run anew from its settings, with nashpath train {path.parent / 'config.toml'} --out ANOTHER_FOLDER"
        )
    if found != FORMAT:
        raise CheckpointError(f"{path}: not a nashpath checkpoint of a known format")


def _fill(member: StoredMember, prefix: str, tensors: dict[str, Tensor], path: Path) -> StoredMember:
    """``member`` with its leaves replaced by the stored ones, which are taken out of ``tensors``."""
    tree = tree_of(member)
    found, present = [], {k: v for k, v in tensors.items() if k.startswith(f"{prefix}point.state.")}
    for name, leaf in zip(names(tree), leaves(tree)):
        key = prefix + name
        if key not in tensors and STATISTICS in name:
            tensors[key] = present[f"{prefix}point.state.{name.split(STATISTICS)[1]}"]
        if key not in tensors:
            raise CheckpointError(f"{path}: holds no {key}; it belongs to another experiment")
        stored, sampler = tensors.pop(key), name.startswith("sampler.")
        if stored.dtype != leaf.dtype or (stored.shape != leaf.shape and not sampler):
            raise CheckpointError(f"{path}: {key} has shape {tuple(stored.shape)}, this run {tuple(leaf.shape)}")
        # A copy is aligned as PyTorch aligns its own memory; products on other addresses may round in another way.
        found.append(stored.clone() if sampler else torch.empty_like(leaf).copy_(stored))
    following = iter(found)
    filled = tree_map(lambda leaf: next(following), tree)
    sampler = filled.pop("sampler")
    return TrainState(**filled), sampler


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
