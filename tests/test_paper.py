"""The draft of the paper quotes what the pages say, which tests hold to the records, and cites what its list has."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAPER = (ROOT / "paper" / "paper.md").read_text()
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("speed", "verdicts", "design"))]
BODY = PAPER.split("---\n", 2)[2]


def in_one_line(text: str) -> str:
    return " ".join(text.split())


def said() -> str:
    return " ".join(in_one_line(page.read_text()) for page in PAGES)


def test_every_row_of_a_table_stands_in_a_page():
    rows = {line for page in PAGES for line in page.read_text().splitlines()}
    found = [line for line in BODY.splitlines() if line.startswith("|")]
    assert len(found) == 14
    assert [line for line in found if line not in rows] == []


def test_every_number_stands_in_a_page_beside_the_same_words():
    """Three words before a number, or three after it, and the number itself, are found in a page."""
    prose = "\n".join(line for line in BODY.splitlines() if not line.startswith("|"))
    words = re.sub(r"\[@[^\]]*\]|\*\*", "", prose).split()
    numbers = [k for k, word in enumerate(words) if re.search(r"\d", word)]
    assert len(numbers) >= 8
    pages = said()
    assert [
        " ".join(words[max(0, k - 3) : k + 4])
        for k in numbers
        if " ".join(words[max(0, k - 3) : k + 1]) not in pages and " ".join(words[k : k + 4]) not in pages
    ] == []


def test_what_is_cited_is_in_the_list_and_the_other_way_round():
    cited = set(re.findall(r"@(\w+)", BODY))
    listed = re.findall(r"^@\w+\{(\w+),$", (ROOT / "paper" / "paper.bib").read_text(), re.MULTILINE)
    assert sorted(cited) == sorted(listed)
