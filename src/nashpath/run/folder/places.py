"""Places on the disk that settings name: of data, swept or not, of a file of features, of a run to start from.

``config.toml`` keeps each as seen from its folder, and absolutely, so a run and what it reads are found from any
directory, moved together or apart.
"""

import os
from pathlib import Path
from typing import Any

from nashpath.run.errors import SettingError
from nashpath.run.settings.overrides import Raw, flatten_sweeps

DATA_KEYS = ("data.path", "data.folder")
"""Settings of a data set that say where on the disk it lies."""
DATA_PLACES = (*DATA_KEYS, *(f"sweep.{key}" for key in DATA_KEYS))
LINKED = "linked"
"""Of the files of data, how many lie behind links to folders; where they do changes nothing."""
WITH = "with"
"""The entry that names files of methods of one's own, or where those that a run remembers came from."""
START = "start_from"
"""The setting that names another run."""
PLACES = "places"
"""The table of ``config.toml`` with the absolute path of each, as it was when the run began."""


def named_places(raw: Raw) -> dict[str, list[str]]:
    """The places that settings name, by dotted key; those that are swept below ``sweep``."""
    data, sweeps = raw.get("data"), _sweeps(raw)
    found: dict[str, list[str]] = {}
    for key in DATA_KEYS:
        name = key.removeprefix("data.")
        if isinstance(data, dict) and isinstance(data.get(name), str) and data[name]:
            found[key] = [data[name]]
        if key in sweeps and all(isinstance(one, str) for one in sweeps[key]):
            found[f"sweep.{key}"] = sweeps[key]
    features = raw.get("features")
    if isinstance(features, str) and Path(features).suffix:
        found["features"] = [features]
    if isinstance(raw.get(START), str) and raw[START]:
        found[START] = [raw[START]]
    return found


def find_data(raw: Raw, folder: Path, given: Path | None = None) -> Raw:
    """The settings with their places as they are seen from here.

    Files of methods (``with``) are named as seen from ``folder``. A place of data is looked for there, too, then where
    it was when the run began; ``given``, said by the user, is
    where the data are, or the folder that holds all of them by their names. What is nowhere stays where it was. Raises
    `SettingError` for data that lie on no disk.
    """
    raw = dict(raw)
    if isinstance(raw.get(WITH), list):
        raw[WITH] = [str(folder / one) if isinstance(one, str) else one for one in raw[WITH]]
    known, named = raw.pop(PLACES, {}), named_places(raw)
    before = known if isinstance(known, dict) else {}
    data = {key: places for key, places in named.items() if key in DATA_PLACES}
    if given is not None and not data:
        raise SettingError(f"--data-path {given}: the data of this run lie on no disk; leave it out")
    if given is not None and not given.exists():
        raise SettingError(f"--data-path {given}: there is no such file or folder")
    found = {}
    for key, places in named.items():
        earlier = before.get(key)
        if not isinstance(earlier, list) or len(earlier) != len(places):
            earlier = [earlier] * len(places)
        found[key] = [_seen(place, then, folder) for place, then in zip(places, earlier)]
    if given is not None:
        found |= _given(given, data)
    return _placed(raw, found)


def absolute_sweeps(sweeps: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """The sweeps with absolute places, by which members are named from the run's beginning on."""
    return {
        key: [str(Path(one).expanduser().absolute()) if isinstance(one, str) else one for one in values]
        if key in DATA_KEYS
        else values
        for key, values in sweeps.items()
    }


def remember_data(raw: Raw, folder: Path) -> Raw:
    """The settings as ``config.toml`` holds them: places as seen from the run folder, and absolutely."""
    named, here = named_places(raw), folder.resolve()
    if not named:
        return raw
    whole = {key: [Path(place).expanduser().absolute() for place in places] for key, places in named.items()}
    relative = {
        key: [Path(os.path.relpath(place.resolve(), here)).as_posix() for place in places]
        for key, places in whole.items()
    }
    kept = {key: _as_given(key, [str(place) for place in places]) for key, places in whole.items()}
    return {**_placed(raw, relative), PLACES: kept}


def _given(given: Path, data: dict[str, list[str]]) -> dict[str, list[str]]:
    """Where the user says that the data are."""
    place = str(given.absolute())
    if set(map(len, data.values())) == {1}:
        return {key: [place] for key in data}
    found = {key: [str(given.absolute() / Path(one).name) for one in places] for key, places in data.items()}
    gone = [one for places in found.values() for one in places if not Path(one).exists()]
    if gone:
        raise SettingError(
            f"--data-path {given}: the run sweeps several data sets; give the folder that holds all of them: there is "
            f"no {gone[0]}"
        )
    return found


def _seen(place: str, before: Any, folder: Path) -> str:
    near = (folder / Path(place).expanduser()).resolve()
    if not isinstance(before, str):  # not of a run folder, or of an early one: first as seen from where the user stands
        return str(near) if near.exists() and not Path(place).expanduser().exists() else place
    return str(near) if near.exists() else before


def _placed(raw: Raw, places: dict[str, list[str]]) -> Raw:
    """The settings with these places in them."""
    raw, swept = dict(raw), {}
    for key, found in places.items():
        if key.startswith("sweep."):
            swept[key.removeprefix("sweep.")] = found
        elif "." in key:
            raw["data"] = {**raw["data"], key.partition(".")[2]: found[0]}
        else:
            raw[key] = found[0]
    return {**raw, "sweep": {**_sweeps(raw), **swept}} if swept else raw


def _as_given(key: str, places: list[str]) -> str | list[str]:
    return places if key.startswith("sweep.") else places[0]


def _sweeps(raw: Raw) -> dict[str, list[Any]]:
    return flatten_sweeps(raw.get("sweep", {}))
