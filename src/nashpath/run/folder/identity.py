"""What a run stands on: settings, data, methods of one's own, versions, device. A resume names what has changed.

Places on the disk belong to no experiment: a data set is the same wherever it lies, as long as its files are.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from nashpath.core.walk import folders_below, leads_to
from nashpath.data import SOURCES
from nashpath.run.folder.places import DATA_KEYS, DATA_PLACES, LINKED, PLACES, START, named_places
from nashpath.run.folder.run_folder import machine, named_infinities
from nashpath.run.folder.settings_file import RENAMED
from nashpath.run.settings.method_files import Entry
from nashpath.run.settings.model import dotted
from nashpath.run.settings.overrides import TOGETHER, Raw

_WAYS = {"compile", "cuda_graph", "device", "threads"}
FREE = {*_WAYS, "steps", "track", "track_project", "diagnostics", "metrics", "features", "real_samples"} | {
    f"{what}_every" for what in ("log", "sample", "checkpoint", "diagnose", "evaluate")
}
"""Settings that a resumed run may change."""
ERRORS = "surrogateescape"
"""How names of files that are not UTF-8 go into a hash: as the bytes that they are."""
READ_FILES, READ_BYTES = 64, 1 << 16
"""Of data of any size so many files are read for a hash, each at its beginning, middle and end by so many bytes."""
READ_WHOLE = 1 << 29
"""Bytes of data up to which all of them are read for another hash, which takes half a second."""
ANNEAL_STEPS = "anneal_steps"
"""The setting whose 0 means the run's ``steps``, which a resumed run may change."""
DATA_SINCE = "data_since"
"""The step at which the data were last changed; numbers of before are of other data."""
DATA_UNTIL = "data_until"
"""In an assessment: the step at which the run went on with other data than it is of."""


def identity_of(raw: Raw, sweeps: dict[str, Any], methods: Sequence[Entry], device: str) -> dict[str, Any]:
    """What a run with these settings stands on, as plain values."""
    own = [{key: entry[key] for key in ("registers", "sha256", "version") if key in entry} for entry in methods]
    here = machine()["versions"]
    versions = {name: here[name] for name in ("nashpath", "torch")}
    return {
        "settings": flat_settings_of({**raw, "sweep": sweeps}),
        "data": _data({**raw, "sweep": sweeps}),
        "methods": own,
        "versions": versions,
        "device": device,
    }


def flat_settings_of(raw: Raw) -> dict[str, Any]:
    """What ``config.toml`` says of the experiment, by dotted key: not where its methods and data lie.

    As JSON can hold it: infinity is the text ``inf``.
    """
    return named_infinities(dotted({key: value for key, value in raw.items() if key not in ("with", PLACES)}))


def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The settings that differ between two identities, in words, those left out that a resumed run may change.

    An `ANNEAL_STEPS` of 0 is the number that it means.
    """
    old, new = (_with_length(one.get("settings", {})) for one in (before, now))
    return [
        f"{key} was {old.get(key, 'not set')}, is {new.get(key, 'not set')}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
        and key not in (*FREE, START, *RENAMED)
        and key.removeprefix("sweep.") not in DATA_KEYS
    ]


def kept_length(before: dict[str, Any], now: dict[str, Any]) -> tuple[Raw, list[str]]:
    """What to set in a run that goes on with other ``steps``, and to say of it; nothing where nothing is annealed.

    Its numbers go on from where they were, so they arrive when they would have before its steps were changed.
    """
    old, new = before.get("settings", {}), now["settings"]
    asked, length, steps = new.get(ANNEAL_STEPS, 0), _with_length(old).get(ANNEAL_STEPS, 0), new.get("steps")
    if old.get(ANNEAL_STEPS, 0) or asked not in (0, length) or length in (0, steps):
        return {}, []
    said = (
        f"steps was {length}, is {steps}: what is annealed arrives at step {length}, as it would have; "
        f"-s {ANNEAL_STEPS}=N --accept-changes chooses another step"
    )
    return {ANNEAL_STEPS: length}, [said]


def _with_length(settings: dict[str, Any]) -> dict[str, Any]:
    """Flat settings in which the steps of what is annealed are a number, where anything is."""
    keys = [key.removeprefix("sweep.") for key in settings]
    keys += [key for point in settings.get(f"sweep.{TOGETHER}", ()) for key in point]
    if settings.get(ANNEAL_STEPS, 0) or not any(key.startswith("anneal.") for key in keys):
        return settings
    return {**settings, ANNEAL_STEPS: settings.get("steps", 0)}


def changed_data(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In what the files of the data differ, in words.

    Earlier versions did not look behind links to folders: where there are any, what they kept cannot be compared.
    """
    old, new = before.get("data", {}), now["data"]
    if LINKED not in old and new.get(LINKED):
        return []
    old, new = ({key: value for key, value in data.items() if key != LINKED} for data in (old, new))
    words = {"files": "{} files", "bytes": "{:,} bytes"}
    said = [
        f"{text.format(old[key])} then, {text.format(new[key])} now"
        for key, text in words.items()
        if key in old and key in new and old[key] != new[key]
    ]
    other = [key for key in old if key in new and old[key] != new[key]]
    if not said and other:
        said = ["names or sizes of files differ" if "names" in other else "the content of files differs"]
    return [f"data: {', '.join(said)}"] if said else []


def other_data(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether two identities are of other data: other files, or other settings of them."""
    own = ("data ", "data.", "sweep.data ", "sweep.data.")
    return bool(before) and bool(
        changed_data(before, now) or [one for one in changed_settings(before, now) if one.startswith(own)]
    )


def since(stored: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What a run that goes on keeps of its past: the run that it started from, and the step of its present data."""
    before = stored.get("identity", {})
    kept = {key: value for key, value in before.items() if key in ("start", DATA_SINCE)}
    return kept | ({DATA_SINCE: max(stored.get("taken", [0]))} if other_data(before, now) else {})


def of_other_data(assessed: dict[str, Any], data_since: int) -> bool:
    """Whether an assessment is of data that a run had before those which it has since this step."""
    until = assessed.get(DATA_UNTIL)
    return isinstance(until, int) and until <= data_since


def not_of_now(step: int) -> str:
    """Why there is no number of a run that goes on with other data at this step, until it is measured again."""
    return f"it was measured on the data of before step {step:,}, and not yet on those of now"


def changed_data_of(folder: Path, before: dict[str, Any], raw: Raw) -> str:
    """That the data which these settings name are not those of the identity ``before``, in words; empty if they are."""
    changes = changed_data(before, {"data": _data(raw)}) if before.get("data") else []
    places = _places(raw)
    seen = f" ({', '.join(map(str, places[:3]))})" if places else ""
    return not_as_made(folder, changes) + seen if changes else ""


def not_as_made(folder: Path, changes: list[str]) -> str:
    """What is said of a run that no longer stands on what it was made with, up to what to do about it."""
    return f"{folder}: not what the run was made with: {'; '.join(changes)}"


def changed_versions(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The versions, methods and kind of device that differ, in words."""
    old, new = before.get("versions", {}), now["versions"]
    said = [f"{name} {old[name]} then, {new[name]} now" for name in new if old.get(name, new[name]) != new[name]]
    if before.get("methods", now["methods"]) != now["methods"]:
        said.append("methods of one's own are not those that the run was made with")
    here, there = now["device"], before.get("device", now["device"])
    if here.split(":")[0] != there.split(":")[0]:
        said.append(f"on {there} then, on {here} now")
    return said


def _places(raw: Raw) -> list[str]:
    """Where the settings say that data lie, each place once."""
    named = named_places(raw).items()
    return list(dict.fromkeys(place for key, given in named if key in DATA_PLACES for place in given))


def _data(raw: Raw) -> dict[str, Any]:
    """Number, names, sizes and content of the files of the data, as hashes; empty where they lie on no disk."""
    chosen = _places(raw)
    data = raw.get("data", {})
    kind = SOURCES.get(data.get("kind", ""), None) if isinstance(data, dict) else None
    copy_of = getattr(kind, "copy_of", None)
    if copy_of is not None:  # data sets by name, which may be found without being told where
        chosen = dict.fromkeys(place for given in (chosen or [""]) if (place := copy_of(given)))
    roots = [root for place in chosen if (root := Path(place).expanduser()).exists()]
    files, names, sizes, linked = list[str](), list[str](), list[int](), 0
    for at, root in enumerate(roots):
        own, behind = ([("", str(root), root.stat().st_size)], 0) if root.is_file() else _files(root)
        linked += behind
        for name, file, size in own:
            files.append(file)
            names.append(f"{at}/{name}" if at else name)
            sizes.append(size)
    if not roots:
        return {}
    picked = sorted({int(at) for at in np.linspace(0, len(files) - 1, min(READ_FILES, len(files)))})
    content = hashlib.sha256()
    for at in picked:
        content.update(_sampled(files[at], sizes[at]))
    listed = hashlib.sha256("\n".join(f"{name}\t{size}" for name, size in zip(names, sizes)).encode("utf-8", ERRORS))
    found = {
        "files": len(files),
        "bytes": sum(sizes),
        "names": listed.hexdigest()[:32],
        "sample": content.hexdigest()[:32],
        LINKED: linked,
    }
    return found | ({"content": _content(files)} if sum(sizes) <= READ_WHOLE else {})


def _files(root: Path) -> tuple[list[tuple[str, str, int]], int]:
    """The files below a folder, those that are hidden left out, in the order of their names' parts: the name inside,
    the whole one, and the size; and how many lie behind links. What may not be listed holds nothing that is read."""
    found, linked, real = list[tuple[str, str, int]](), 0, root.resolve()
    for folder, entries in folders_below(root, left_out=(OSError,)):
        parts = folder.relative_to(root).parts
        inside = "".join(f"{part}/" for part in parts)
        files = [entry for entry in entries if leads_to(entry.is_file) and not entry.name.startswith(".")]
        found += [(f"{inside}{file.name}", file.path, file.stat().st_size) for file in files]
        linked += len(files) if folder.resolve() != real.joinpath(*parts) else 0
    return sorted(found, key=lambda file: file[0].split("/")), linked


def _content(files: Sequence[str]) -> str:
    """A hash of all that is in the files, in their order; one that may not be read counts as empty."""
    found = hashlib.sha256()
    for file in files:
        with suppress(OSError), open(file, "rb") as stored:
            found.update(hashlib.file_digest(stored, "sha256").digest())
    return found.hexdigest()[:32]


def _sampled(file: str, size: int) -> bytes:
    parts = list[bytes]()
    with suppress(OSError), open(file, "rb") as stored:
        for at in dict.fromkeys([0, max(0, size // 2), max(0, size - READ_BYTES)]):
            stored.seek(at)
            parts.append(stored.read(READ_BYTES))
    return b"".join(parts)
