"""Starting and resuming runs from settings."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from nashpath.run.engine.device import find_device, with_threads
from nashpath.run.engine.interrupt import interruptible
from nashpath.run.engine.program import never
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import read_meta
from nashpath.run.folder.identity import (
    FREE,
    changed_settings,
    flat_settings_of,
    identity_of,
    kept_length,
    other_data,
    since,
)
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.places import absolute_sweeps, remember_data
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.members import Member, chosen_rows, plan, record
from nashpath.run.settings.method_files import Entry, begin_with, origins, renewed
from nashpath.run.settings.overrides import Changes, Raw, assign, pairs_of
from nashpath.run.settings.resolve import dump
from nashpath.run.training.assemble import build_groups, prepare
from nashpath.run.training.group import RunProgress
from nashpath.run.training.recorder import Recorder
from nashpath.run.training.resume import (
    already_there,
    as_written,
    begins_again,
    claimed,
    device_here,
    device_kind,
    differences,
    keep_changes,
    nothing_there,
    steps_taken,
    told,
    told_if_unfit,
)
from nashpath.run.training.session import Session
from nashpath.run.training.start_from import starting_points
from nashpath.run.training.tracking import check_installed

if TYPE_CHECKING:
    from nashpath.run.engine.data_parallel import Ranks


@with_threads()
def open_session(
    raw: Raw,
    sweeps: dict[str, list[Any]],
    folder: str | Path,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    ranks: "Ranks | None" = None,
) -> Session:
    """A fresh run in ``folder``: members planned, built, and the way to run them chosen and written down.

    ``raw`` are settings as a TOML file holds them, ``sweeps`` the values to cross by key; ``raw["with"]`` names files
    that register methods. ``ranks`` are the processes over which batches are spread. Raises `SettingError`.
    """
    folder = Path(folder)
    store = RunFolder(folder)
    if store.exists():
        raise SettingError(already_there(store))
    check_new(folder)
    raw = dict(raw)
    files = begin_with(raw.pop("with", []))
    sweeps = absolute_sweeps(sweeps)
    members = plan(raw, sweeps)
    part = members[0].settings.part
    every = plan({**raw, "part": ""}, sweeps) if part else members
    methods = origins(chosen_rows(every), files)
    settings = members[0].settings
    own = [*members, *every] if part else members
    _settle(own, device=str(find_device(settings.device)))
    with claimed(store):
        check_installed(settings.track)
        before = _recorded(raw, every, part)
        about = identity_of(before, sweeps, methods, settings.device)  # before the data's slow work
        with interruptible(stop):  # nothing is written yet
            start = starting_points(members, len(every))
            sources = prepare(members, notify)
            groups = build_groups(members, settings, notify, ranks=ranks, start=start)
        del sources  # from here on the games hold them
        stacked = any(group.program.mode == "stacked" for group in groups)
        _settle(own, stack=_switch(stacked), compile=_switch(groups[0].program.compiled))
        _settle(own, threads=torch.get_num_threads(), start_digest=start.about.get("sha256", ""))
        full = _recorded(raw, every, part)
        about = {**about, "settings": flat_settings_of({**full, "sweep": sweeps})}
        about |= {"start": start.about} if start.about else {}
        store.create(remember_data(_config(full, sweeps, methods), folder))
        session = Session(Recorder(store, groups, notify, methods=methods, stands_on=about), stop, ranks)
        session.recorder.track()
        if start.about:
            session.checkpoint()  # from here on the run needs no other one
        return session


def _recorded(raw: Raw, every: list[Member], part: str) -> Raw:
    """The settings to write down, which are those of the whole run, and which part of it this is."""
    found = record(raw, every)
    return {**found, "part": part} if part else found


def _config(raw: Raw, sweeps: dict[str, list[Any]], methods: list[Entry]) -> Raw:
    """What ``config.toml`` holds: settings, then sweeps, and where methods of one's own come from."""
    return {**raw, **({"sweep": sweeps} if sweeps else {}), **({"with": methods} if methods else {})}


def _settle(members: list[Member], **chosen: str | int) -> None:
    """Writes what was found out into every member's settings, in place."""
    for member in members:
        for name, value in chosen.items():
            setattr(member.settings, name, value)


def _switch(on: bool) -> str:
    return "on" if on else "off"


@with_threads()
def resume_session(
    folder: str | Path,
    changes: Changes,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    accept_changes: bool = False,
    data_path: str | Path | None = None,
    ranks: "Ranks | None" = None,
) -> Session:
    """The run in ``folder``, where its last checkpoint left it; ``changes`` (a mapping, or pairs) may name settings in
    `FREE` only.

    Where ``config.toml`` or the data are not those that the checkpoint stands on it refuses, with the differences,
    unless told to ``accept_changes``, which the run then records; ``changes`` may then name any setting.
    ``data_path`` says where its data are now. Raises `SettingError`, `CheckpointError`, or `FolderError` where another
    process writes the folder.
    """
    folder, changes = Path(folder), pairs_of(changes)
    data_path = None if data_path is None else Path(data_path)
    store = RunFolder(folder)
    if not store.exists():
        raise SettingError(nothing_there(store, "run"))
    with claimed(store):
        raw = as_written(store, "train", data_path)
        remembered, sweeps = raw.pop("with", []), raw.pop("sweep", {})
        stored, again = read_meta(store), begins_again(store, "train", raw.get("start_from", ""))
        raw, kept, of_kept = _asked(raw, sweeps, changes, stored)
        with store.configured():
            members = plan(raw, sweeps)
        raw, members = _changed(folder, raw, sweeps, members, changes, accept_changes)
        settings = members[0].settings
        device = device_here(settings.device, "device" in dict(changes), stored)
        _settle(members, device=device)
        raw["device"] = device
        if "device" in stored.get("identity", {}) and device_kind(device) != device_kind(stored["identity"]["device"]):
            _settle(members, compile="auto")  # what pays there need not pay, or be possible, here
        methods = renewed(remembered, chosen_rows(members))
        about = identity_of(raw, sweeps, methods, device)
        about |= since(stored, about)
        said = differences(store, stored, about, accept_changes) + (
            of_kept if all(raw[key] == kept[key] for key in kept) else []
        )
        taken = steps_taken(stored, settings.steps, "run")
        with told(), interruptible(stop):
            groups = build_groups(members, settings, notify, stored.get("sizes", ()), ranks)
        raw["compile"] = _switch(groups[0].program.compiled)
        recorder = Recorder(store, groups, notify, methods=methods, stands_on=about)
        warnings = keep_changes(recorder, stored, taken, said, again)
        session = Session(recorder, stop, ranks)
        with told_if_unfit(store, "train", stored, session.sources(), said):
            session.restore()
        for warning in warnings:
            notify(warning)
        store.warn_if_unchecked()
        if store.reached() > taken:
            recorder.write_down("stopped")  # else this run's own checkpoints would seem to be older ones
        if other := other_data(stored.get("identity", {}), about):
            recorder.forget()
        store.create(remember_data(_config(raw, sweeps, methods), folder))
        if other:
            session.checkpoint()  # from here on the run is one of these data, which training begins by looking at
            store.remove("reference.npz")
        recorder.track()
        return session


def _asked(
    raw: Raw, sweeps: dict[str, list[Any]], changes: list[tuple[str, Any]], stored: dict[str, Any]
) -> tuple[Raw, Raw, list[str]]:
    """A run's settings with the changes that are `FREE`, and what it keeps with other steps (`kept_length`)."""
    there, raw = raw, raw | {key: value for key, value in changes if key in FREE}
    before, now = ({"settings": flat_settings_of({**one, "sweep": sweeps})} for one in (there, raw))
    kept, said = kept_length(stored.get("identity", before) if stored else {}, now)
    return raw | kept, kept, said


def _changed(
    folder: Path,
    raw: Raw,
    sweeps: dict[str, list[Any]],
    members: list[Member],
    changes: list[tuple[str, Any]],
    accepted: bool,
) -> tuple[Raw, list[Member]]:
    """A run's settings and members with the changes that are not `FREE`, where those are ``accepted``.

    Raises `SettingError` where they are not, and would give others than it has.
    """
    others = [change for change in changes if change[0] not in FREE]
    if not (accepted and others):
        _check_kept(others, raw, sweeps, members)
        return raw, members
    if raw.get("part"):
        raise SettingError(f"{others[0][0]}: {folder} is a part of a run, and keeps the settings of the whole")
    changed = plan(assign(raw, others), sweeps)
    if len(changed) != len(members):
        raise SettingError(
            f"{', '.join(key for key, _ in others)}: {folder} has {_counted(members)}, not {_counted(changed)}, and "
            f"keeps them; {OTHER_MEMBERS}"
        )
    return record(assign(raw, others), changed), changed


def _check_kept(changes: list[tuple[str, Any]], raw: Raw, sweeps: dict[str, list[Any]], members: list[Member]) -> None:
    """Raises `SettingError` where changes of settings that a run keeps would give others than its members have."""
    if not changes:
        return
    other = assign(raw, changes)
    changed = plan(other, sweeps)
    if [(one.seed, dump(one.settings)) for one in members] == [(one.seed, dump(one.settings)) for one in changed]:
        return
    old, new = ({"settings": flat_settings_of(record(*those))} for those in ((raw, members), (other, changed)))
    said = "; ".join(changed_settings(old, new)) or "where its data are now is said by --data-path"
    accept = (
        "leave it out, start anew in another --out, or go on with the change: --accept-changes (the run records it)"
    )
    cure = accept if len(members) == len(changed) else OTHER_MEMBERS
    raise SettingError(
        f"{', '.join(key for key, _ in changes)}: a resumed run keeps its settings, except {', '.join(sorted(FREE))} "
        f"({said}); {cure}"
    )


OTHER_MEMBERS = "leave it out; a run of those seeds needs its own --out"


def _counted(members: list[Member]) -> str:
    return f"{len(members)} member{'s' * (len(members) > 1)}"
