"""Members: every seed at every sweep point, grouped by structure so that each group is one program."""

import json
from dataclasses import dataclass, field, replace
from typing import Any

from nashpath.metrics import metric_and_features
from nashpath.run.errors import SettingError
from nashpath.run.settings.model import TABLES, General, parse_part, setting_names
from nashpath.run.settings.overrides import Raw
from nashpath.run.settings.points import points
from nashpath.run.settings.resolve import dump, resolve
from nashpath.run.settings.schema import swept_paths


@dataclass
class Member:
    """One experiment: a seed at one point of the sweep."""

    index: int
    seed: int
    settings: General
    swept: dict[str, Any] = field(default_factory=dict)
    """Values that differ from the run's settings, by dotted path."""
    number: int = -1
    """Its index in the whole run, of which this run may be a part."""


def plan(raw: Raw, sweeps: dict[str, list[Any]]) -> list[Member]:
    """All members: every point of the sweep (last key fastest) with every seed. Raises `SettingError`."""
    members: list[Member] = []
    for given, point in points(raw, sweeps, setting_names()):
        settings = resolve(given, point)
        begun = len(members)
        members += [Member(begun + k, seed, settings, point, begun + k) for k, seed in enumerate(settings.seeds)]
    return _part(members, members[0].settings.part)


def _part(members: list[Member], part: str) -> list[Member]:
    """The members of one part, numbered anew. Raises `SettingError` where it has none."""
    if not part:
        return members
    return [replace(members[i], index=k) for k, i in enumerate(part_of(len(members), part))]


def asked_part(part: str) -> tuple[int, int]:
    """What ``--part`` asks for, ``"2/4"``, as numbers. Raises `SettingError` for what is no part."""
    try:
        return parse_part(part)
    except ValueError as error:
        raise SettingError(f"--part {part}: {error}") from None


def part_of(count: int, part: str) -> range:
    """The members, of so many, of one part, which are neighbours. Raises `SettingError` where it has none."""
    index, parts = asked_part(part)
    first, last = (count * k // parts for k in (index - 1, index))
    if first == last:
        raise SettingError(f"part {part} of {count} members is empty; there are parts for so many at most")
    return range(first, last)


def record(raw: Raw, members: list[Member]) -> Raw:
    """The resolved settings to write down: all that the members share, over what was given.

    What a sweep changes (a method, and the defaults that hang on it) is left to the sweep: planning from the record
    gives the same members.
    """
    shared, *others = [dump(settings) for settings in {id(m.settings): m.settings for m in members}.values()]
    for other in others:
        shared = _common(shared, other)
    return _over(shared, raw)


def _common(a: Raw, b: Raw) -> Raw:
    """The settings that are the same in both."""
    both: Raw = {}
    for key in a.keys() & b.keys():
        if isinstance(a[key], dict) and isinstance(b[key], dict):
            both[key] = _common(a[key], b[key])
        elif a[key] == b[key]:
            both[key] = a[key]
    return {key: both[key] for key in a if key in both}


def _over(shared: Raw, raw: Raw) -> Raw:
    """``shared``, and below it what only ``raw`` has."""
    merged = dict(shared)
    for key, value in raw.items():
        if isinstance(shared.get(key), dict):
            merged[key] = _over(shared[key], {"kind": value} if isinstance(value, str) else value)
        else:
            merged.setdefault(key, value)
    return merged


def chosen_rows(members: list[Member]) -> set[str]:
    """The methods that the members use, as ``kind.name``: those of the settings, and what is measured by name."""
    return set[str]().union(*(settings_rows(one) for one in {id(m.settings): m.settings for m in members}.values()))


def settings_rows(settings: General) -> set[str]:
    """`chosen_rows` of these settings."""
    flat, found = dump(settings), set[str]()
    for path in TABLES:
        chosen: Any = flat
        for key in path.split("."):
            chosen = chosen.get(key, {})
        found |= {f"{_kind(path)}.{chosen['kind']}"} if chosen else set()
    found |= {f"diagnostic.{name}" for name in settings.diagnostics}
    found |= {f"tracker.{name}" for name in settings.track}
    return found | {f"metric.{metric_and_features(name)[0]}" for name in settings.metrics}


def _kind(path: str) -> str:
    """The kind of method that is chosen at a path: ``solver.generator`` is a rule, ``….schedule`` a schedule."""
    return path if "." not in path else "schedule" if path.endswith(".schedule") else "rule"


def structure(settings: General) -> str:
    """The structure of the program: all settings but the hyper-parameters, as text."""
    flat = dump(settings)
    for path in swept_paths(settings):
        *parents, last = path.split(".")
        table = flat
        for key in parents:
            table = table.get(key, {})
        table.pop(last, None)
    return json.dumps(flat, sort_keys=True)


def by_structure(members: list[Member]) -> list[list[Member]]:
    """Members of equal structure together, in order of first appearance."""
    found: dict[str, list[Member]] = {}
    for member in members:
        found.setdefault(structure(member.settings), []).append(member)
    return list(found.values())
