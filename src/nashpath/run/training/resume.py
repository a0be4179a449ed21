"""What a run that goes on may and may not stand on; alike for trainings and flows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nashpath.core.columns import TableUnits
from nashpath.core.errors import first_names
from nashpath.core.source import HasUnits, Source, class_names, is_labelled
from nashpath.run.engine.device import find_device
from nashpath.run.errors import SettingError
from nashpath.run.folder.about_data import about_data_from
from nashpath.run.folder.checkpoint import CheckpointError, MisfitError
from nashpath.run.folder.identity import changed_data, changed_settings, changed_versions, not_as_made
from nashpath.run.folder.places import find_data
from nashpath.run.folder.run_folder import CONFIG, RunFolder, is_search
from nashpath.run.observe.snapshot import units_from
from nashpath.run.settings.flow import is_flow
from nashpath.run.settings.method_files import recall
from nashpath.run.settings.overrides import Raw
from nashpath.run.training.group import RunProgress
from nashpath.spelling import as_argument

if TYPE_CHECKING:
    from nashpath.run.training.flow_recorder import FlowRecorder
    from nashpath.run.training.recorder import Recorder


@contextmanager
def claimed(store: RunFolder) -> Iterator[None]:
    """The folder is this process's own from here on, until the session ends, or the block fails."""
    store.claim()
    try:
        yield
    except BaseException:
        store.release()
        raise


@contextmanager
def told() -> Iterator[None]:
    """Data that are not found are said with the option that names their place."""
    try:
        yield
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error}; say where the data are now: --data-path") from None


def already_there(store: RunFolder) -> str:
    """Why no new run begins in a folder that holds one, and what ``--resume`` would do there."""
    if store.has_checkpoint() or (store.folder / "run.json").exists():
        return f"{store.folder} already holds a run; add --resume to continue it, or choose another --out"
    return (
        f"{store.folder} already holds a run, which has no checkpoint yet; add --resume to begin it again at step 0, "
        "or choose another --out"
    )


def as_written(store: RunFolder, verb: str, data_path: Path | None) -> Raw:
    """The settings that a run's folder holds, with its data found, and methods of one's own registered.

    Raises `SettingError` where they are those of the other ``verb``, train or flow.
    """
    raw = find_data(store.read_config(), store.folder, data_path)
    own = "flow" if is_flow(raw) else "train"
    if own != verb:
        what, again = {"flow": "flow", "train": "training"}[own], f"--resume --out {as_argument(store.folder)}"
        raise SettingError(f"{store.folder} holds a {what}; resume it with: nashpath {own} {again}")
    recall(raw.get("with", []), store.folder)
    return raw


def nothing_there(store: RunFolder, what: str) -> str:
    """Why nothing is gone on with in a folder that holds no run, and what to do where one may begin there."""
    cure = "" if is_search(store.folder) else "; leave out --resume to start one there"
    return f"{store.folder} holds no {what} to resume ({store.lacks}){cure}"


def begins_again(store: RunFolder, verb: str, start_from: str = "") -> list[str]:
    """What to say where a run was ended before its first checkpoint, and so begins again; its draws are the same.

    ``verb`` is train or flow. Raises `CheckpointError` where there is no checkpoint any more, or the run needs the one
    that it began with.
    """
    if store.has_checkpoint():
        return []
    anew = f"start anew: nashpath {verb} {as_argument(store.folder / CONFIG)} --out ANOTHER_FOLDER"
    if start_from:
        raise CheckpointError(
            f"{store.checkpoint}: is missing, and with it what the run started from ({start_from}); {anew}"
        )
    if store.lost_checkpoint():
        raise CheckpointError(
            f"{store.folder}: {store.checkpoint.name} and {store.previous.name} are missing, so there is nothing to go "
            f"on from (or an earlier version made the run, and wrote none); put one of them back, or {anew}"
        )
    return [f"{store.folder} was ended before its first checkpoint: it begins again, at step 0"]


def steps_taken(stored: dict[str, Any], steps: int, what: str) -> int:
    """How many steps a run, or a flow, has taken. Raises `SettingError` where it is to take fewer in all."""
    taken = max(stored.get("taken", [0]))
    if steps < taken:
        raise SettingError(f"steps: the {what} has taken {taken} steps already; {steps} are fewer")
    return taken


def keep_changes(
    recorder: "Recorder | FlowRecorder", stored: dict[str, Any], taken: int, said: list[str], again: list[str]
) -> list[RunProgress]:
    """Records what was ``said`` to differ; that, and what begins ``again``, as warnings, once the run has gone on."""
    new, before = [f"resumed at step {taken}: {one}" for one in said], stored.get("changes", [])
    recorder.changes = [*before, *new]
    return [RunProgress(taken, recorder.settings.steps, 0, 0, {}, 0.0, warning=one) for one in (*again, *new)]


@contextmanager
def told_if_unfit(
    store: RunFolder, verb: str, stored: dict[str, Any], sources: Sequence[Source | None], said: Sequence[str]
) -> Iterator[None]:
    """A checkpoint that does not fit what was changed since is told with the change (what was ``said`` to differ).

    ``sources`` are the data of each member, ``verb`` is train or flow.
    """
    try:
        yield
    except MisfitError as error:
        if not said:
            raise
        form = _other_form(stored, sources)
        raise MisfitError(
            f"{store.folder}: what it has trained does not fit what is there now: {'; '.join([*form, *said])} "
            f"({error}). Put it back as it was, or train anew: nashpath {verb} {as_argument(store.folder / CONFIG)} "
            "--out ANOTHER_FOLDER"
        ) from error


def _other_form(stored: dict[str, Any], sources: Sequence[Source | None]) -> list[str]:
    """In what a sample of the data has another form than when the checkpoint was written, of the first such member."""
    for member, source in enumerate(sources):
        before = about_data_from(stored, member)
        if source is None or before is None:
            continue
        units = units_from(stored, member)
        now = source.units if isinstance(source, HasUnits) else None
        columns = now.other_form(units) if isinstance(units, TableUnits) and isinstance(now, TableUnits) else []
        old, new = (" × ".join(map(str, shape)) for shape in (before["shape"], source.shape))
        said = columns or ([f"a sample was {old} numbers, is {new}"] if old != new else [])
        then, classes = before.get("class_names", []), class_names(source) if is_labelled(source) else []
        if then != classes:
            told = (f"{len(names)} ({first_names(names, 8)})" for names in (then, classes))
            said = [*said, "the classes were {}, are {}".format(*told)]
        if said:
            return said
    return []


def device_kind(device: str) -> str:
    """``cpu``, or ``cuda`` of any number."""
    return device.split(":")[0]


def device_here(named: str, asked: bool, stored: dict[str, Any]) -> str:
    """The device to go on with: the one that was asked for, or the run's own where this machine has it, else any."""
    try:
        return str(find_device(named))
    except SettingError:
        if asked or not stored:
            raise
        return str(find_device("auto"))


def differences(store: RunFolder, stored: dict[str, Any], about: dict[str, Any], accepted: bool) -> list[str]:
    """What the run will stand on that it did not stand on before. Raises `SettingError` for what must be accepted."""
    before = stored.get("identity")
    if before is None:
        fault = store.digests.fault(store.config.name)
        grave, light = ([f"{store.config.name} {fault}"] if fault else []), []
    else:
        where = store.config.name if store.digests.fault(store.config.name) else "settings"
        edited = [f"{where}: {one}" for one in changed_settings(before, about)]
        grave = [*edited, *changed_data(before, about)]
        light = changed_versions(before, about)
    if grave and not accepted:
        raise SettingError(
            f"{not_as_made(store.folder, grave)}. Put it back as it was, or go on with the change: --accept-changes "
            "(the run records it)"
        )
    if any(" then, on " in one for one in light):
        light.append("numbers may differ in their last bits from those of one device, and draws are others")
    return [f"changed: {'; '.join(grave)}"] * bool(grave) + [f"differs: {'; '.join(light)}"] * bool(light)
