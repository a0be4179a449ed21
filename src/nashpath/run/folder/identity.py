"""What a run stands on: settings, data, methods of one's own, versions, device. A resume names what has changed.

Places on the disk belong to no experiment: a data set is the same wherever it lies, as long as its files are.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nashpath.run.errors import SettingError
from nashpath.run.folder.run_folder import machine
from nashpath.run.settings.method_files import Entry
from nashpath.run.settings.overrides import Raw

FREE = {"steps", "tensorboard", "diagnostics", "metrics", "features", "device", "threads"} | {
    f"{what}_every" for what in ("log", "sample", "checkpoint", "diagnose", "evaluate")
}
"""Settings that a resumed run may change."""
PLACE_KEYS = ("path", "folder")
"""Settings of a data set that say where on the disk it lies."""
PLACES = "places"
"""The table of ``config.toml`` with the absolute path of each, as it was when the run began."""
READ_FILES, READ_BYTES = 64, 1 << 16
"""At most so many files are read for the hash, each at its beginning, middle and end by so many bytes."""


def identity_of(raw: Raw, sweeps: dict[str, Any], methods: Sequence[Entry], device: str) -> dict[str, Any]:
    """What a run with these settings stands on, as plain values. Raises `SettingError` for data with unusable names."""
    own = [{key: entry[key] for key in ("registers", "sha256", "version") if key in entry} for entry in methods]
    versions = {name: machine()["versions"][name] for name in ("nashpath", "torch")}
    return {
        "settings": flat_settings_of({**raw, "sweep": sweeps}),
        "data": _data(raw),
        "methods": own,
        "versions": versions,
        "device": device,
    }


def flat_settings_of(raw: Raw) -> dict[str, Any]:
    """What ``config.toml`` says of the experiment, by dotted key: not where its methods and data lie."""
    return _flat({key: value for key, value in raw.items() if key not in ("with", PLACES)})


def changed_settings(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """The settings that differ between two identities, in words, those left out that a resumed run may change."""
    old, new = before.get("settings", {}), now["settings"]
    return [
        f"{key} was {old.get(key, 'not set')}, is {new.get(key, 'not set')}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key) and key not in FREE and key not in {f"data.{name}" for name in PLACE_KEYS}
    ]


def changed_data(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """In what the files of the data differ, in words."""
    old, new = before.get("data", {}), now["data"]
    words = {"files": "{} files", "bytes": "{:,} bytes"}
    said = [
        f"{text.format(old[key])} then, {text.format(new[key])} now"
        for key, text in words.items()
        if key in old and key in new and old[key] != new[key]
    ]
    if not said and old and new and old != new:
        said = ["names of files differ" if old.get("names") != new.get("names") else "the content of files differs"]
    return [f"data: {', '.join(said)}"] if said else []


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


def find_data(raw: Raw, folder: Path, given: Path | None = None) -> Raw:
    """The settings with the places of their data as they are seen from here.

    A place is looked for as seen from the run ``folder``, then where it was when the run began; ``given`` is said by
    the user. Where it is nowhere, the settings say where it was. Raises `SettingError` for data that lie on no disk.
    """
    raw = dict(raw)
    known, data = raw.pop(PLACES, {}), raw.get("data")
    keys = _place_keys(raw)
    if given is not None and not keys:
        raise SettingError(f"--data-path {given}: the data of this run lie on no disk; leave it out")
    if not keys or not isinstance(data, dict):
        return raw
    if given is not None and not given.exists():
        raise SettingError(f"--data-path {given}: there is no such file or folder")
    before = known if isinstance(known, dict) else {}
    found = {key: _seen(data[key], before.get(f"data.{key}"), folder) for key in keys}
    if given is not None:
        found = {key: str(given.absolute()) for key in keys}
    return {**raw, "data": {**data, **found}}


def remember_data(raw: Raw, folder: Path) -> Raw:
    """The settings as ``config.toml`` holds them: places of data as seen from the run folder, and absolutely."""
    data = raw.get("data")
    keys = _place_keys(raw)
    if not keys or not isinstance(data, dict):
        return raw
    places = {key: Path(data[key]).expanduser().absolute() for key in keys}
    here = folder.resolve()
    relative = {key: Path(os.path.relpath(place.resolve(), here)).as_posix() for key, place in places.items()}
    return {**raw, "data": {**data, **relative}, PLACES: {f"data.{key}": str(place) for key, place in places.items()}}


def _place_keys(raw: Raw) -> list[str]:
    """The settings of the data that name a place on the disk."""
    data = raw.get("data")
    return [key for key in PLACE_KEYS if isinstance(data, dict) and isinstance(data.get(key), str) and data[key]]


def _seen(place: str, before: Any, folder: Path) -> str:
    if not isinstance(before, str):  # a run of an earlier version: as it was written, from where the user stands
        return place
    near = (folder / place).resolve()
    return str(near) if near.exists() else before


def _data(raw: Raw) -> dict[str, Any]:
    """Number, names, sizes and a hash of a sample of the files of the data; empty where they lie on no disk."""
    data, keys = raw.get("data"), _place_keys(raw)
    chosen = [data[key] for key in keys] if isinstance(data, dict) else []
    roots = [root for place in chosen if (root := Path(place).expanduser()).exists()]
    if not roots:
        return {}
    root = roots[0]
    files = [root] if root.is_file() else sorted(file for file in _files(root))
    names = ["" if file == root else file.relative_to(root).as_posix() for file in files]
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            raise SettingError(f"data: the name {name!r} in {root} is not UTF-8; rename that file") from None
    sizes = [file.stat().st_size for file in files]
    picked = sorted({int(at) for at in np.linspace(0, len(files) - 1, min(READ_FILES, len(files)))})
    content = hashlib.sha256()
    for at in picked:
        content.update(_sampled(files[at], sizes[at]))
    listed = hashlib.sha256("\n".join(f"{name}\t{size}" for name, size in zip(names, sizes)).encode())
    return {
        "files": len(files),
        "bytes": sum(sizes),
        "names": listed.hexdigest()[:32],
        "sample": content.hexdigest()[:32],
    }


def _files(root: Path) -> list[Path]:
    """The files below a folder, those that are hidden left out."""
    found = []
    for place, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [path for name in names if not name.startswith(".") and (path := Path(place) / name).is_file()]
    return found


def _sampled(file: Path, size: int) -> bytes:
    with open(file, "rb") as stored:
        parts = []
        for at in dict.fromkeys([0, max(0, size // 2), max(0, size - READ_BYTES)]):
            stored.seek(at)
            parts.append(stored.read(READ_BYTES))
    return b"".join(parts)


def _flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + str(key): value}
    return flat
