"""Who is trained: seeds crossed with sweeps, grouped by structure so that each group is one program."""

import json
from dataclasses import dataclass, field
from typing import Any

from nashpath.run.fields import swept_paths
from nashpath.run.overrides import Raw, cross, override
from nashpath.run.resolve import dump, resolve
from nashpath.run.settings import General


@dataclass
class Member:
    """One experiment: a seed at one point of the sweep."""

    index: int
    seed: int
    settings: General
    swept: dict[str, Any] = field(default_factory=dict)
    """What differs from the run's settings, by dotted path."""


def plan(raw: Raw, sweeps: dict[str, list[Any]]) -> list[Member]:
    """All members: every point of the sweep (last key fastest) with every seed. Raises `SettingError`."""
    members: list[Member] = []
    for point in cross(sweeps):
        settings = resolve(override(raw, point.items()))
        members += [
            Member(len(members) + offset, seed, settings, point) for offset, seed in enumerate(settings.seeds)
        ]
    return members


def structure(settings: General) -> str:
    """What shapes the program: all settings but the numbers, as text."""
    flat = dump(settings)
    for path in swept_paths(settings):
        *parents, last = path.split(".")
        table = flat
        for key in parents:
            table = table.get(key, {})
        table.pop(last, None)
    return json.dumps(flat, sort_keys=True)


def groups(members: list[Member]) -> list[list[Member]]:
    """Members of equal structure together, in order of first appearance."""
    found: dict[str, list[Member]] = {}
    for member in members:
        found.setdefault(structure(member.settings), []).append(member)
    return list(found.values())
