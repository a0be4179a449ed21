"""``nashpath explain``: what the documentation says about a word of a report, a verdict, a method or a verb."""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from nashpath.cli.console import With, load_all, user_errors
from nashpath.cli.places import shipped

ASIDE = ("choose", "extend", "results", "studies", "design")
"""Pages that are looked at last: they speak of everything."""
MOST = 4
"""At most so many places are printed."""

Words = Annotated[
    list[str],
    typer.Argument(metavar="WORD", help="A method (r1), a verdict (mode collapse), a heading (stable steps)."),
]


@dataclass(frozen=True)
class Explanation:
    """A section of a page, or a row of a table, with the words that it explains."""

    words: tuple[str, ...]
    place: str
    text: str


def explain(word: Words, own: With = None) -> None:
    """Say what a word means: of a verdict, a report, a method, a setting or a verb.

    It is read from the documentation, which is installed with the package.
    """
    with user_errors():
        asked = " ".join(word)
        found = [entry for entry in entries() if _key(asked) in map(_key, entry.words)]
        if not found:
            _of_method(asked, own)
            return
        console = Console(highlight=False)
        for entry in found[:MOST]:
            console.print(f"{entry.place}\n", style="bold", markup=False)
            console.print(Markdown(entry.text))
            console.print()


def entries() -> Iterator[Explanation]:
    """All that the pages explain; of each page its sections, and then the rows of its tables."""
    pages = sorted(shipped("docs").glob("*.md"), key=lambda page: (page.stem in ASIDE, page.stem))
    for page in pages:
        found = list(sections(page.read_text(encoding="utf-8")))
        for title, text in found:
            words = title, re.sub(r"^(a|an|the) ", "", title, flags=re.I)
            yield Explanation(words, f"{page.stem}: {title}", _plain(text))
        for title, text in found:
            yield from _rows(f"{page.stem}: {title}", text)


def sections(text: str) -> Iterator[tuple[str, str]]:
    """``(title, text up to the next heading)`` of a page."""
    fences = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
    hidden = fences.sub(lambda block: re.sub("^#", "\0", block[0], flags=re.MULTILINE), text)
    for part in re.split(r"^(?=#+ )", hidden, flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        yield title.lstrip("# "), rest.replace("\0", "#").strip()


def _rows(place: str, text: str) -> Iterator[Explanation]:
    """The rows of a section's tables whose first column names something in backticks."""
    for head, body in re.findall(r"^(\|.*\|)\n\|[-|: ]+\|\n((?:\|.*\n?)+)", text, re.MULTILINE):
        columns = _cells(head)
        for row in body.splitlines():
            first, *rest = _cells(row)
            words = tuple(re.findall(r"`([^`]+)`", first))
            named = [(name, _plain(cell)) for name, cell in zip(columns[1:], rest)]
            told = [f"- {name}: {cell}" if name else f"- {cell}" for name, cell in named if cell]
            if words:
                yield Explanation(words, place, "\n".join([f"**{_plain(first)}**", "", *told]))


def _cells(row: str) -> list[str]:
    """The cells of a table's row; ``\\|`` is a bar inside one."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _plain(text: str) -> str:
    """Without pictures and links in brackets of their own; other links as their words."""
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|\s*\(\[[^\]]*\]\([^)]*\)\)", "", text)
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text).strip()


def _key(word: str) -> str:
    """Words are the same whatever their case, and with _ or - in place of spaces."""
    return " ".join(re.split(r"[\s_-]+", word.strip().strip("`.").casefold()))


def _of_method(asked: str, own: list[Path] | None) -> None:
    """What a method's own docstring or a setting's description says. Raises `ValueError` with the nearest words."""
    load_all(own)
    from nashpath.cli.list_methods import print_named
    from nashpath.run.settings.model import General
    from nashpath.run.settings.register import KINDS

    name = asked.strip().replace("-", "_")
    if any(name in (row, f"{kind}.{row}") for kind, table in KINDS.items() for row in table):
        print_named(name, KINDS)
        return
    if name in General.model_fields:
        field = General.model_fields[name]
        typer.echo(f"{name}: {field.description} (default: {field.default}); a setting of every run")
        return
    known = {_key(word): word for entry in entries() for word in entry.words}
    known |= {_key(word): word for word in [*General.model_fields, *(row for table in KINDS.values() for row in table)]}
    near = [known[key] for key in difflib.get_close_matches(_key(asked), known, n=3)]
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else " nashpath list shows all methods"
    raise ValueError(f"nothing is said about {asked!r}.{hint}")
