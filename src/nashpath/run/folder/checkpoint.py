"""Checkpoints: every tensor of every member in one safetensors file, written atomically; members restored from one.

A tensor's name is the way to it, ``member0.point.players.generator.head.weight``; it is made here, and so depends on no
other library. Nothing is pickled. `names` says what happens where two ways read alike.
A checkpoint that does not match its digest is never used; the one before it is kept, and taken in its place.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nashpath.core.source import Source
from nashpath.core.tree import leaves, located_leaves, tree_map
from nashpath.run.engine.step import TrainState, Trial, begin
from nashpath.run.errors import SettingError
from nashpath.run.folder.about_data import about_data_from
from nashpath.run.folder.identity import changed_data_of, changed_settings, flat_settings_of, kept_length
from nashpath.run.folder.places import find_data
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.build import AbsentSource, build_source, build_trial, files_asked_once
from nashpath.run.settings.flow import is_flow
from nashpath.run.settings.members import Member, plan
from nashpath.run.settings.method_files import recall
from nashpath.run.settings.overrides import Raw
from nashpath.run.settings.resolve import used
from nashpath.spelling import as_argument

FORMAT = "nashpath checkpoint 3"
WITH_GENERATORS = "nashpath checkpoint 2"
"""The format of nashpath 0.2, which also kept the states of the generators that made the batches; these are left."""
EARLIER = {"nashpath checkpoint 1": "nashpath 0.1"}
"""Formats that are not read any more, and the version that does."""

STATISTICS = ".statistics."
"""What averages keep of running statistics; nashpath 0.2 kept none, and used those of the present network."""


class CheckpointError(ValueError):
    """A checkpoint that is damaged, of an earlier format, or that belongs to another experiment."""


class MisfitError(CheckpointError):
    """A checkpoint that is whole, and of another experiment than the one that is to go on with it."""


class _Damaged(CheckpointError):
    """A checkpoint that cannot be trusted; the one before it may do."""


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


def save_checkpoint(store: RunFolder, members: Sequence[TrainState], meta: dict[str, Any]) -> None:
    """Writes each member's training state, and ``meta`` (JSON values), atomically; the one before is kept."""
    save_trees(store, {f"member{index}": member._asdict() for index, member in enumerate(members)}, meta)


def save_trees(store: RunFolder, trees: dict[str, Any], meta: dict[str, Any]) -> None:
    """Writes trees of tensors, each below its name, and ``meta`` (JSON values), atomically; the one before is kept."""
    tensors: dict[str, Tensor] = {}
    for prefix, tree in trees.items():
        tensors |= {f"{prefix}.{name}": leaf for name, leaf in zip(names(tree), leaves(tree))}
    save_tensors(store, tensors, meta)


def save_tensors(store: RunFolder, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
    """Writes tensors by the names that `save_trees` gives them, and ``meta``."""
    flat = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    store.write_checkpoint(save(flat, {"format": FORMAT, "meta": json.dumps(meta)}))


def load_checkpoint(store: RunFolder, like: Sequence[TrainState]) -> tuple[list[TrainState], dict[str, Any]]:
    """``(members, meta)``, with the structure and devices of ``like``.

    A damaged checkpoint is left alone and the previous one taken, which a `FolderWarning` says. Raises
    `CheckpointError` where there is none that fits.
    """
    found, meta = load_members(store, dict(enumerate(like)), len(like))
    return list(found.values()), meta


def load_members(
    store: RunFolder, like: dict[int, TrainState], count: int
) -> tuple[dict[int, TrainState], dict[str, Any]]:
    """``(members, meta)`` of some members of ``count``, by number, as `load_checkpoint`; of others nothing is read."""
    path, tensors, meta = read_checkpoint(store, tuple(f"member{index}." for index in like))
    members = {
        index: TrainState(**fill_tree(member._asdict(), f"member{index}.", tensors, path))
        for index, member in like.items()
    }
    known = {f"member{index}" for index in range(count)}
    with safe_open(path, "pt") as file:
        more = [*tensors, *(key for key in file.keys() if key.partition(".")[0] not in known)]  # noqa: SIM118
    if more:
        raise MisfitError(f"{path}: holds more than this experiment has, such as {min(more)}")
    return members, meta


def changed_draws(store: RunFolder, meta: dict[str, Any]) -> list[str]:
    """What to say of a run that goes on from a checkpoint whose batches were drawn in another way; else nothing."""
    if not meta.get("generators"):
        return []
    said = (
        "nashpath 0.2 drew its batches from generators; from here on keys make them, so the run is not the one that it "
        "would have been"
    )
    store.warn(f"{store.checkpoint}: {said}")
    return [f"from step {max(meta['taken'])} on: {said}"]


def read_meta(store: RunFolder) -> dict[str, Any]:
    """What the checkpoint says beside its tensors; empty where there is none. Raises `CheckpointError`."""
    return read_checkpoint(store, below=())[2] if store.has_checkpoint() else {}


def read_checkpoint(store: RunFolder, below: tuple[str, ...] = ("",)) -> tuple[Path, dict[str, Tensor], dict[str, Any]]:
    """The latest checkpoint that is as it was written: its place, the tensors whose names begin so, and meta.

    A `FolderWarning` says it where that is not the last one of the run, which another was put in the place of.
    """
    try:
        tensors, meta = _read(store, store.checkpoint, below)
        if said := _older(store, meta):
            store.warn(said)
        return store.checkpoint, tensors, meta
    except _Damaged as error:
        if not store.previous.is_file():
            raise CheckpointError(
                f"{error}, and there is none before it; restore it from a copy, or start anew"
            ) from None
        try:
            found = _read(store, store.previous, below)
        except CheckpointError as other:
            raise CheckpointError(f"{error}; {other}; restore one of them from a copy, or start anew") from None
        steps = max(found[1].get("taken", [0]))
        store.warn(f"{error}; the one before it is used, {store.previous.name} of step {steps}")
        return (store.previous, *found)


def _older(store: RunFolder, meta: dict[str, Any]) -> str:
    """That the run has reached more than the step of its checkpoint, in words, and where the later one is."""
    reached = store.reached()
    if not reached or (step := max(meta.get("taken", [0]))) >= reached:
        return ""
    there = checkpoint_step(store.previous) >= reached
    cure = f"{store.previous.name} is of that step: give it that name" if there else "put the one of that step back"
    return (
        f"{store.checkpoint}: is an older one, of step {step:,}; run.json says that step {reached:,} was reached. What "
        f"follows is of step {step:,}; {cure}"
    )


def checkpoint_step(path: Path) -> int:
    """The step that a checkpoint's file says it is of, unchecked; 0 where it says none."""
    try:
        with safe_open(path, "pt") as file:
            return max(json.loads((file.metadata() or {})["meta"])["taken"])
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return 0


def checkpoint_digest(store: RunFolder) -> str:
    """The SHA-256 of the checkpoint that `read_checkpoint` reads. Raises `CheckpointError`."""
    with open(read_checkpoint(store, below=())[0], "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(store: RunFolder, path: Path, below: tuple[str, ...]) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors whose names begin so, and meta, of one file. Raises `CheckpointError`."""
    known = store.digests.fault(path.name)
    if not path.is_file():
        if not store.has_checkpoint() and not store.lost_checkpoint():
            raise CheckpointError(
                f"{path}: no such checkpoint; the run was ended before its first one, and begins again with: "
                f"{store.again}"
            )
        raise _Damaged(f"{path}: is missing")
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if not known or header.get("format") in EARLIER:
                check_format(path, header.get("format"))
            if known:
                raise _Damaged(f"{path}: {known}")
            kept = [key for key in file.keys() if not _of_generators(key, header["format"])]  # noqa: SIM118
            meta = json.loads(header["meta"]) | ({"generators": True} if header["format"] == WITH_GENERATORS else {})
            return {key: file.get_tensor(key) for key in kept if key.startswith(below)}, meta
    except (SafetensorError, KeyError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise _Damaged(f"{path}: {known or f'is damaged ({error})'}") from None


def check_format(path: Path, found: str | None) -> None:
    """Raises `CheckpointError` for every format but the present one; of an earlier one it says who reads it."""
    if found in EARLIER:
        raise CheckpointError(
            f"{path} has the format {found!r}, which {EARLIER[found]} reads; this version reads {FORMAT!r} only: train "
            f"the run anew from its settings, with nashpath train {as_argument(path.parent / 'config.toml')} --out "
            "ANOTHER_FOLDER"
        )
    if found not in (FORMAT, WITH_GENERATORS):
        raise CheckpointError(f"{path}: not a nashpath checkpoint of a known format")


def _of_generators(key: str, found: str) -> bool:
    """Whether a tensor is the state of a generator, in the format that kept them."""
    parts = key.split(".")
    return found == WITH_GENERATORS and (parts[1:2] == ["sampler"] or parts == ["flow", "draws"])


def fill_tree(tree: Any, prefix: str, tensors: dict[str, Tensor], path: Path) -> Any:
    """``tree`` with its leaves replaced by the stored ones, which are taken out of ``tensors``.

    Raises `MisfitError`.
    """
    found, present = [], {k: v for k, v in tensors.items() if k.startswith(f"{prefix}point.state.")}
    for name, leaf in zip(names(tree), leaves(tree)):
        key = prefix + name
        if key not in tensors and STATISTICS in name:
            tensors[key] = present[f"{prefix}point.state.{name.split(STATISTICS)[1]}"]
        if key not in tensors:
            raise MisfitError(f"{path}: holds no {key}; it belongs to another experiment")
        stored = tensors.pop(key)
        if stored.dtype != leaf.dtype or stored.shape != leaf.shape:
            raise MisfitError(f"{path}: {key} has shape {tuple(stored.shape)}, this run {tuple(leaf.shape)}")
        # A copy is aligned as PyTorch aligns its own memory; products on other addresses may round in another way.
        found.append(torch.empty_like(leaf).copy_(stored))
    following = iter(found)
    return tree_map(lambda leaf: next(following), tree)


def planned(folder: Path, data_path: Path | None = None) -> list[Member]:
    """The members of the run in ``folder``; files of methods that it was made with are executed again.

    ``data_path`` says where its data are now. Raises `SettingError` where there is no run, or a flow, where its
    settings are not those that it was made with, and where its methods cannot be had.
    """
    return _members(folder, _settings(folder, data_path))


def _settings(folder: Path, data_path: Path | None) -> Raw:
    """What ``config.toml`` says, with its places as they are seen from here. Raises `SettingError`."""
    store = RunFolder(folder)
    if not store.exists():
        raise SettingError(f"{folder} holds no run ({store.lacks})")
    raw = find_data(store.read_config(), folder, data_path)
    if is_flow(raw):
        raise SettingError(
            f"{folder} holds a flow: particles that move to the data, without players or networks, so there is no "
            f"generator to sample, evaluate or export, and no game to diagnose. nashpath report {as_argument(folder)} "
            "shows how far the particles are from the data (KL, MMD, W2); they are the array m0 of its "
            "samples/step-*.npz"
        )
    return _as_made(store, raw)


def _members(folder: Path, raw: Raw) -> list[Member]:
    raw = dict(raw)
    recall(raw.pop("with", []), folder)
    with RunFolder(folder).configured():
        return plan(raw, raw.pop("sweep", {}))


def _as_made(store: RunFolder, raw: Raw) -> Raw:
    """The settings, and the length of their annealing as it was where ``steps`` were changed since.

    Raises `SettingError` where ``config.toml`` was changed in more than what a resumed run may change.
    """
    fault = store.digests.fault(store.config.name)
    if not fault:
        return raw
    before, now = read_meta(store).get("identity", {}), {"settings": flat_settings_of(raw)}
    kept, _ = kept_length(before, now)
    now["settings"] |= kept
    said = changed_settings(before, now) if before else [fault]
    if said:
        raise SettingError(f"{store.config}: was changed since the run wrote it: {'; '.join(said)}. Put it back")
    return raw | kept


@files_asked_once()
def restore_members(
    folder: str | Path,
    members: Sequence[int] | None = None,
    device: str = "cpu",
    data_path: str | Path | None = None,
    needs_data: bool = True,
) -> list[tuple[Member, Trial, TrainState]]:
    """Members (default: all) with their trials and training states on ``device``; the checkpoint is read once.

    Only these are built, and only their tensors read. ``data_path`` says where the data are now. Without ``needs_data``
    data that cannot be had, or are not the run's any more (which a `FolderWarning` says), are no error: the games can
    then do what asks for none, such as sampling. Raises `SettingError` or `CheckpointError`.
    """
    folder = Path(folder)
    data_path = None if data_path is None else Path(data_path)
    store, raw = RunFolder(folder), _settings(folder, data_path)
    known = _members(folder, raw)
    chosen = range(len(known)) if members is None else members
    for index in chosen:
        if not 0 <= index < len(known):
            raise SettingError(f"member {index}: the run has members 0 to {len(known) - 1}")
    changed = _changed_data(store, raw, needs_data) if any(_uses_data(known[index]) for index in chosen) else ""
    trials = {index: _trial(store, known[index], device, needs_data, changed) for index in chosen}
    stored, _ = load_members(store, {index: begin(trial) for index, trial in trials.items()}, len(known))
    store.warn_if_unchecked()
    return [(known[index], trials[index], stored[index]) for index in chosen]


def _uses_data(member: Member) -> bool:
    return "data" in used(member.settings)


def _changed_data(store: RunFolder, raw: Raw, needed: bool) -> str:
    """That the data are not those that the checkpoint stands on, in words. Raises `SettingError` where it needs them.

    Else a `FolderWarning` says it.
    """
    changed = changed_data_of(store.folder, read_meta(store).get("identity", {}), raw)
    if changed and needed:
        raise SettingError(
            f"{changed}. Put the data back as they were, or say where they are now: --data-path (to measure against "
            "other data: nashpath evaluate --real)"
        )
    if changed:
        store.warn(f"{changed}; what the checkpoint knows of the data is used in their place")
    return changed


def _trial(store: RunFolder, member: Member, device: str, needs_data: bool, changed: str) -> Trial:
    """The trial of a member; where its data cannot be had, and need not, on what the checkpoint knows of them.

    Data that are ``changed`` are as good as gone.
    """
    source: Source | None = None
    try:
        if changed and _uses_data(member):
            raise SettingError(changed)
        source = build_source(member.settings) if _uses_data(member) else None
        return build_trial(member.settings, member.seed, device, source)
    except (OSError, ImportError, SettingError) as error:
        about = None if needs_data else about_data_from(read_meta(store), member.index)
        # settings that cannot be built are an error as they are, but for those of the data, which need not be read
        if about is None or (isinstance(error, SettingError) and source is not None):
            if isinstance(error, FileNotFoundError):
                raise FileNotFoundError(f"{error}; say where the data are now: --data-path") from None
            raise
        return build_trial(member.settings, member.seed, device, AbsentSource(reason=str(error), **about))


def restore_member(folder: str | Path, member: int = 0, device: str = "cpu") -> tuple[Trial, TrainState]:
    """The trial of one member and its training state, on ``device``. Raises `SettingError` or `CheckpointError`."""
    folder = Path(folder)
    _, trial, train_state = restore_members(folder, [member], device)[0]
    return trial, train_state
