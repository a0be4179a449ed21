"""The points of a sweep, and the settings that each of them takes; needs no PyTorch."""

import math
from collections.abc import Iterator
from typing import Any

from nashpath.run.errors import SettingError
from nashpath.run.settings.names import SHARED, Names
from nashpath.run.settings.overrides import MOST_MEMBERS, TOGETHER, Raw, assign, cross


def points(raw: Raw, sweeps: dict[str, list[Any]], names: Names) -> Iterator[tuple[Raw, dict[str, Any]]]:
    """``(settings, point)`` for every point of the sweep, last key fastest: what is not the point's is left out.

    Raises `SettingError` for what cannot be swept.
    """
    for key in [*sweeps, *(key for point in sweeps.get(TOGETHER, ()) for key in point)]:
        if key in set(names.general) - SHARED:
            raise SettingError(f"sweep: {key} is a setting of the whole run; train each value in a run of its own")
    _check_number(raw.get("seeds"), sweeps)
    partly = partly_used(raw, sweeps, names)
    for point in cross(sweeps):
        unused = [key for key, lacking in partly.items() if point[key.rpartition(".")[0]] in lacking]
        yield _without(raw, unused), point


def partly_used(raw: Raw, sweeps: dict[str, list[Any]], names: Names) -> dict[str, list[str]]:
    """The settings that only some of the swept methods have, by dotted key, each with the methods that lack it.

    They are given to those that have them. What no swept method has is left to be refused.
    """
    found: dict[str, list[str]] = {}
    for path in names.rows.keys() & sweeps.keys():
        rows, kinds = names.rows[path], sweeps[path]
        given: Any = raw
        for key in path.split("."):
            given = given.get(key, {}) if isinstance(given, dict) else {}
        if not isinstance(given, dict) or "kind" in given:  # then the settings are of that method, and of no other
            continue
        known = [kind for kind in kinds if isinstance(kind, str) and kind in rows]
        for key in [key for key in given if f"{path}.{key}" not in names.rows]:
            lacking = [kind for kind in known if key not in rows[kind]]
            if 0 < len(lacking) < len(kinds):
                found[f"{path}.{key}"] = lacking
    return found


def _without(raw: Raw, keys: list[str]) -> Raw:
    """A copy of the settings without these, which are there."""
    raw = assign(raw, ())
    for key in keys:
        *parents, last = key.split(".")
        table = raw
        for parent in parents:
            table = table[parent]
        del table[last]
    return raw


def _check_number(seeds: Any, sweeps: dict[str, list[Any]]) -> None:
    """Refuses more members than a run may have, before any of them is planned."""
    count = math.prod([len(seeds) if isinstance(seeds, list) else 1, *map(len, sweeps.values())])
    if count > MOST_MEMBERS:
        told = ", ".join([*sweeps, *(["seeds"] if isinstance(seeds, list) else [])])
        raise SettingError(f"{told}: together {count} members; one run has at most {MOST_MEMBERS}")
