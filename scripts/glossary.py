"""The tables of ``docs/glossary.md`` that are made of what other pages and the tables of methods say (`make index`).

A word that another page explains stands here with that page's first sentence; a number, and a figure of a diagnosis,
with what the report says of it. The other tables of the page are written by hand.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import get_args

from nashpath.cli.explain import Explanation, entries
from nashpath.diagnostics import DIAGNOSTICS, FINDINGS
from nashpath.diagnostics.contraction import Motion
from nashpath.diagnostics.verdict import MEANING
from nashpath.metrics import METRICS
from nashpath.report.diagnosis_figures import FIGURES
from nashpath.report.phrasing import MEANINGS, meaning, meanings, title
from nashpath.studies.claim import Word

PAGE = Path(__file__).parent.parent / "docs" / "glossary.md"
MARKS = ("<!-- made by scripts/glossary.py -->\n", "<!-- end -->\n")
OUTCOMES = (
    "the generator has not found the data",
    "most of the data is never generated",
    "arrived at real samples",
    "no better than at the start",
    "between the start and real samples",
    "cannot be measured",
    "spirals out from the equilibrium",
    "goes round the equilibrium",
    "closed in on the equilibrium",
    "is closing in on the equilibrium",
    "came to rest away from the equilibrium",
    "went away from the equilibrium",
    "stayed at the equilibrium",
    "is better than",
    "undecided between",
)
ALSO = ("stops short", "still moving", "exploitability", "stable steps")
"""Other words of a diagnosis."""
ELSEWHERE = {
    "report": OUTCOMES,
    "diagnostics": (*FINDINGS, *MEANING, *get_args(Motion), *ALSO),
    "studies": (*get_args(Word), "found by experiment", "theorem", "ours", "identity"),
}
"""By page, the words that it explains."""


def made() -> str:
    """The three tables."""
    known: dict[str, list[Explanation]] = defaultdict(list)
    for entry in entries():
        known[entry.place.partition(":")[0]].append(entry)
    rows = [_explained(word, page, known[page]) for page, words in ELSEWHERE.items() for word in words]
    return "\n".join(
        [
            "## What other pages explain",
            *("", "Outcomes, findings and verdicts.", "", "| word | meaning |", "|---|---|", *rows, ""),
            "## Figures of a diagnosis",
            *("", "| figure | meaning |", "|---|---|"),
            *(f"| `{figure.title}` | {_cell(figure.caption)} |" for figure in FIGURES.values()),
            "",
            "## Numbers",
            *("", "| number | on a page | meaning | of |", "|---|---|---|---|", *_numbers(), ""),
        ]
    )


def _explained(word: str, page: str, known: list[Explanation]) -> str:
    entry = next(entry for entry in known if word.casefold() in map(str.casefold, entry.words))
    section = entry.place.partition(": ")[2]
    anchor = re.sub(r"[^\w\s-]", "", section).strip().lower().replace(" ", "-")
    return f"| [{word}]({page}.md#{anchor}) | {_cell(_first_sentence(entry.text))} |"


def _first_sentence(text: str) -> str:
    """Of a section; of the row of a table, its first cell."""
    cell = re.search(r"^- (?:(?:what it says|when|who speaks): )?(.+)$", text, re.MULTILINE)
    said = cell[1] if text.startswith("**") and cell else " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=[\w)])[.:;] (?=[A-Z]|beside)", said)[0].rstrip(".")


def _numbers() -> list[str]:
    """Numbers that have one meaning share a line."""
    rows: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key in meanings():
        rows[meaning(key), _owner(key)].append(key)
    return [
        f"| {', '.join(f'`{key}`' for key in keys)} | {', '.join(map(title, keys))} | {_cell(said)} | {owner} |"
        for (said, owner), keys in rows.items()
    ]


def _owner(key: str) -> str:
    """The metric or diagnostic that measures it, as `nashpath list` takes it; of the numbers of every run nothing."""
    if key in MEANINGS:
        return ""
    for name, row in METRICS.items():
        if key in getattr(row, "numbers", {}):
            return f"`metric.{name}`"
    for name, row in DIAGNOSTICS.items():
        if key in row.readings:
            return f"`diagnostic.{name}`"
    return ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Writes the tables into the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(MARKS[0])
    PAGE.write_text(before + MARKS[0] + made() + MARKS[1] + rest.partition(MARKS[1])[2], encoding="utf-8")


if __name__ == "__main__":
    main()
