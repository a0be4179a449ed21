"""Names the methods of the tables wherever people look for them (`make index`).

A new row of a table, and the import that it needs, are written by hand. What follows from them is written here: the
class in its room's ``__all__`` and at the top level, the counts of the README, and a row of the page's table, which
begins with the first sentence of the docstring and is finished by hand.
"""

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from nashpath.core import Table

ROOT = Path(__file__).parent.parent
README, TOP = ROOT / "README.md", ROOT / "src" / "nashpath" / "__init__.py"


class Place(NamedTuple):
    """A table's room and name there, and the page and first heading of the table that lists it; the README's word."""

    room: str
    table: str
    page: str
    heading: str
    counted: str = ""

    @property
    def rows(self) -> dict[str, Any]:
        """The table's methods by name, but for ``none``, which goes without saying."""
        table: Table = getattr(importlib.import_module(f"nashpath.{self.room}"), self.table)
        return {name: method for name, method in table.items() if name != "none"}

    @property
    def count(self) -> int:
        """How many methods it has; one that has two names counts once."""
        return len(set(self.rows.values()))


PLACES = [
    Place("games.objectives", "OBJECTIVES", "games", "name", "objectives"),
    Place("games.penalties", "PENALTIES", "games", "name", "penalties"),
    Place("games.techniques", "TECHNIQUES", "games", "technique", "techniques"),
    Place("networks", "GENERATORS", "networks", "name"),
    Place("networks", "DISCRIMINATORS", "networks", "name"),
    Place("data", "SOURCES", "data", "name"),
    Place("solvers", "SOLVERS", "solvers", "solver", "solvers"),
    Place("solvers", "RULES", "", "", "rules"),
    Place("solvers", "SCHEDULES", "", "", "schedules"),
    Place("solvers", "AVERAGES", "", ""),
    Place("solvers", "CONSTRAINTS", "", ""),
    Place("metrics", "METRICS", "metrics", "name"),
]


def main() -> None:
    changed = [*_counted(), *(file for place in PLACES for file in [*_listed(place), *_on_its_page(place)])]
    files = sorted({str(file) for file in changed if file.suffix == ".py"})
    if files:
        ruff = [sys.executable, "-m", "ruff"]
        subprocess.run([*ruff, "check", "--quiet", "--select", "I,RUF022", "--fix", *files], check=True)
        subprocess.run([*ruff, "format", "--quiet", *files], check=True)
    for file in sorted({*changed}):
        print(f"named in {file.relative_to(ROOT)}")


def _listed(place: Place) -> list[Path]:
    """The classes of a table in the lists of its room and of the top level."""
    room = importlib.import_module(f"nashpath.{place.room}")
    own, known = Path(str(room.__file__)), importlib.import_module("nashpath").__all__
    found: list[Path] = []
    for method in dict.fromkeys(place.rows.values()):
        name = method.__name__
        if name not in room.__all__:
            imported = "" if hasattr(room, name) else f"from {method.__module__} import {name}\n"
            text = re.sub(r"^(?=from nashpath)", imported, _shown(_read(own), name), count=1, flags=re.MULTILINE)
            found += _written(own, text)
        if name not in known:
            block = f"if TYPE_CHECKING:\n    from nashpath.{place.room} import {name}\n"
            found += _written(TOP, _shown(_read(TOP).replace("if TYPE_CHECKING:\n", block, 1), name))
    return found


def _shown(text: str, name: str) -> str:
    """A module's text with a name in its ``__all__``."""
    return text.replace("__all__ = [\n", f'__all__ = [\n    "{name}",\n', 1)


def _counted() -> list[Path]:
    """The README's numbers of methods."""
    text = _read(README)
    for place in PLACES:
        if place.counted:
            text = re.sub(rf"\b\d+ {place.counted}\b", f"{place.count} {place.counted}", text)
    return _written(README, text)


def _on_its_page(place: Place) -> list[Path]:
    """A row for each method that the page's table lacks, after the method that is before it in the table of code."""
    page, found, before = ROOT / "docs" / f"{place.page}.md", list[Path](), ""
    for name, method in place.rows.items() if place.page else ():
        text = _read(page)
        if before and not re.search(rf"^\|[^|]*`{name}`[^|]*\|", text, re.MULTILINE):
            says = (method.__doc__ or "").strip().partition("\n")[0].removesuffix(".")
            says = says.replace("|", "\\|").replace("``", "`")
            found += _written(page, _with_row(text, place.heading, before, f"| `{name}` | {says} |"))
        before = name
    return found


def _with_row(text: str, heading: str, before: str, row: str) -> str:
    """A page's text with a row below that of the method ``before``, and as many cells as that has."""
    table = rf"^\| {heading} \|.*\n\|[-|]+\|\n(?:\|.*\n)*?(\|[^|]*`{before}`.*\n)"
    found = re.search(table, text, re.MULTILINE)
    if found is None:
        return text
    cells = len(re.findall(r"(?<!\\)\|", found.group(1)))
    return text[: found.end()] + row + " |" * (cells - 3) + "\n" + text[found.end() :]


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _written(file: Path, text: str) -> list[Path]:
    """The file, in a list, where this is a new text of it."""
    if text == _read(file):
        return []
    file.write_text(text, encoding="utf-8")
    return [file]


if __name__ == "__main__":
    main()
