"""Recipes: settings to begin with for a kind of data, each a file, and which of them reached most where they were raced.

A recipe is a settings file in the folder ``recipes``, below the kind of data that it is for; its first line says what it
is. ``benchmarks/recipes.py --write`` keeps in ``race.json`` what each reached and which was best.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nashpath.core import did_you_mean
from nashpath.run.errors import SettingError
from nashpath.run.settings.model import dotted
from nashpath.run.settings.overrides import Raw

FOLDER = Path(__file__).with_name("recipes")
RACE = FOLDER / "race.json"


@dataclass(frozen=True)
class Recipe:
    """Settings to begin with, for one kind of data: ``pictures``, ``points`` or ``tables``."""

    name: str
    kind: str
    about: str
    settings: Raw

    @property
    def size(self) -> int:
        """How many settings it names: the fewer, the simpler it is."""
        return len(dotted(self.settings))


@cache
def recipes() -> dict[str, Recipe]:
    """All recipes by their names, the simplest of each kind first."""
    found = [_read(file) for file in FOLDER.glob("*/*.toml")]
    return {one.name: one for one in sorted(found, key=lambda one: (one.kind, one.size, one.name))}


def _read(file: Path) -> Recipe:
    text = file.read_text(encoding="utf-8")
    return Recipe(file.stem, file.parent.name, text.splitlines()[0].strip("# "), tomllib.loads(text))


def named(name: str) -> Recipe:
    """A recipe by its name. Raises `SettingError`."""
    if name not in recipes():
        raise SettingError(f"no recipe is called {name!r}.{did_you_mean(name, list(recipes()))} Known: {_all()}")
    return recipes()[name]


def _all() -> str:
    return ", ".join(recipes())


@cache
def race() -> Mapping[str, Any]:
    """What recipes of pictures reached, by the data set that they were raced on; empty where none was."""
    return json.loads(RACE.read_text(encoding="utf-8")) if RACE.exists() else {}
