"""Recipes: settings to begin with for a kind of data, each a file, and what each reached where they were raced.

A recipe is a settings file in the folder ``recipes``, below the kind of data that it is for; its first line says
what it is. ``benchmarks/recipes.py --write`` keeps in ``race.json`` what each reached and which was best.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nashpath.run.errors import SettingError
from nashpath.run.settings.overrides import Raw
from nashpath.spelling import did_you_mean

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
        return sum(1 for _ in _leaves(self.settings))


@cache
def recipes() -> dict[str, Recipe]:
    """All recipes by their names, the simplest of each kind first."""
    found = [_read(file) for file in FOLDER.glob("*/*.toml")]
    return {one.name: one for one in sorted(found, key=lambda one: (one.kind, one.size, one.name))}


def _read(file: Path) -> Recipe:
    text = file.read_text(encoding="utf-8")
    return Recipe(file.stem, file.parent.name, text.splitlines()[0].strip("# "), tomllib.loads(text))


def file_of(recipe: Recipe) -> Path:
    """The settings file that it is."""
    return FOLDER / recipe.kind / f"{recipe.name}.toml"


def _leaves(table: Raw) -> Iterator[Any]:
    for value in table.values():
        yield from _leaves(value) if isinstance(value, dict) else [value]


def recipe_named(name: str) -> Recipe:
    """A recipe by its name. Raises `SettingError`."""
    if name not in recipes():
        raise SettingError(
            f"no recipe is called {name!r}.{did_you_mean(name, list(recipes()))} Known: {', '.join(recipes())}"
        )
    return recipes()[name]


def of_kind(kind: str, channels: int = 0) -> tuple[list[Recipe], str]:
    """``(recipes, data)``: those of a kind, the one to begin with first, and the data set whose race said so, if any.

    Of pictures that is a race on pictures of so many channels, or else another. Without one the simplest is first.
    """
    found = [one for one in recipes().values() if one.kind == kind]
    raced = sorted(
        recipe_race().items() if kind == "pictures" else (), key=lambda entry: entry[1]["shape"][0] != channels
    )
    if not raced:
        return found, ""
    data, best = raced[0][0], raced[0][1]["best"]
    return sorted(found, key=lambda one: one.name != best), data


def reached(name: str) -> list[str]:
    """What a recipe reached in each race, in words."""
    return [_reached(name, data, one) for data, one in recipe_race().items() if name in one["rows"]]


def _reached(name: str, data: str, one: Mapping[str, Any]) -> str:
    row = one["rows"][name]
    low, high = row["interval"]
    spread = f" [{low:.3g}, {high:.3g}]" if low == low else ""
    return f"{data} {row['mean']:.3g}{spread}"


@cache
def recipe_race() -> Mapping[str, Any]:
    """What recipes of pictures reached, by the data set that they were raced on; empty where none was."""
    return json.loads(RACE.read_text(encoding="utf-8")) if RACE.exists() else {}
