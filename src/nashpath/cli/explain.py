"""``nashpath explain``: what the documentation says about a word of a report, a verdict, a method or a verb."""

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from nashpath.cli.console import With, load_all
from nashpath.cli.list_methods import index_of
from nashpath.cli.places import shipped

ASIDE = ("choose", "extend", "results", "studies", "design")
"""Pages that are looked at last: they speak of everything."""
MOST = 4
"""At most so many places are printed."""

GLOSSARY = "glossary"
"""The page of the words of reports: what is listed where nobody asks for one."""

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORD",
        help="A method (r1), a verdict (mode collapse), a heading (stable steps), a page (tutorial); none lists all.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Explanation:
    """A section of a page, or a row of a table, with the words that it explains."""

    words: tuple[str, ...]
    place: str
    text: str


def explain(word: Words = None, own: With = None) -> None:
    """Say what a word means: of a verdict, a report, a method, a setting or a verb; without one, list the words.

    It is read from the documentation, which is installed with the package. Of a whole page it prints the beginning, and
    which of its sections can be asked for.
    """
    asked = " ".join(word or [])
    if not asked.strip():
        _print_words()
        return
    found = explained(asked)
    if not found and _of_method(asked, own):
        return
    found = found or explained(asked, _singular)
    if not found:
        raise ValueError(_nothing(asked, own))
    console = Console(highlight=False)
    for entry in found[:MOST]:
        console.print(f"{entry.place}\n", style="bold", markup=False)
        console.print(Markdown(entry.text))
        console.print()


def explained(asked: str, key: Callable[[str], str] | None = None) -> list[Explanation]:
    """All that the pages say of a word, of those that are alike by ``key`` (default: in all but case and marks)."""
    alike = key or _key
    return [entry for entry in entries() if alike(asked) in map(alike, entry.words)]


def entries() -> Iterator[Explanation]:
    """All that the pages explain; of each page its sections, and then the rows of its tables.

    A page is asked for by its name, too; after its beginning stand its sections.
    """
    pages = sorted(shipped("docs").glob("*.md"), key=lambda page: (page.stem in ASIDE, page.stem))
    for page in pages:
        found = list(sections(page.read_text(encoding="utf-8")))
        for place, (title, text) in enumerate(found):
            bare = re.sub(r"^([0-9]+\.|a|an|the) ", "", title, flags=re.I)
            words = title, bare, re.sub(r"^the ", "", bare, flags=re.I), *([] if place else [page.stem])
            more = "" if place or len(found) < 2 else _contents([other for other, _ in found[1:]])
            yield Explanation(words, f"{page.stem}: {title}", _plain(text) + more)
        for title, text in found:
            yield from _rows(f"{page.stem}: {title}", text)


def _contents(titles: list[str]) -> str:
    """Which sections of a page can be asked for."""
    listed = "\n".join(f"- {re.sub('^[0-9]+[.] ', '', one)}" for one in titles)
    return f"\n\nSections, each of which `nashpath explain` prints:\n\n{listed}"


def _print_words() -> None:
    """The words of reports by the section of the glossary, the pages, and where methods and settings are listed."""
    found, console = list(entries()), Console(highlight=False)
    groups: dict[str, list[str]] = {}
    for entry in found:
        page, _, section = entry.place.partition(": ")
        if page == GLOSSARY and entry.words[0] != section:
            groups.setdefault(section, []).extend(entry.words)
    quoted = re.findall(r"^\| \[([^\]]+)\]", (shipped("docs") / f"{GLOSSARY}.md").read_text(encoding="utf-8"), re.M)
    groups |= {"Outcomes, findings, verdicts": quoted}
    groups |= {"Pages": list(dict.fromkeys(entry.place.partition(":")[0] for entry in found))}
    for title, words in groups.items():
        console.print(title, style="bold", markup=False)
        console.print(f"  {', '.join(dict.fromkeys(words))}\n", markup=False)
    console.print("nashpath explain WORD says what one means. Methods and settings: nashpath list", markup=False)


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
    """Words are the same whatever their case, with _ or - in place of spaces, and without marks at their end."""
    return " ".join(re.split(r"[\s_-]+", word.strip().strip("`.?!:").casefold()))


def _singular(word: str) -> str:
    return _key(word).removesuffix("s")


def _of_method(asked: str, own: list[Path] | None) -> bool:
    """Prints what a method's own docstring or a setting's description says; whether there is one."""
    index, name = index_of(own), _key(asked).replace(" ", "_")
    if any(name in (row, f"{kind}.{row}") for kind, rows in index["kinds"].items() for row, _ in rows):
        load_all(own)
        from nashpath.cli.list_methods import print_named
        from nashpath.run.settings.register import KINDS

        print_named(name, KINDS)
        return True
    told = dict(index["general"]).get(name)
    if told:
        typer.echo(f"{name}: {told}; a setting of every run")
    return bool(told)


def _nothing(asked: str, own: list[Path] | None) -> str:
    """What is said of a word that nothing explains: the nearest ones."""
    index = index_of(own)
    names = [*dict(index["general"]), *(row for rows in index["kinds"].values() for row, _ in rows)]
    known = {_key(word): word for word in [*(word for entry in entries() for word in entry.words), *names]}
    near = [known[key] for key in difflib.get_close_matches(_key(asked), known, n=3)]
    hint = f"Did you mean {' or '.join(map(repr, near))}?" if near else "nashpath explain lists all words"
    return f"nothing is said about {asked!r}. {hint}"
