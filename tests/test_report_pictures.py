"""Pages in one folder keep the pictures that they show, whichever is written first and how often."""

from itertools import permutations
from pathlib import Path

import pytest

from nashpath.report.pictures import Pictures

PAGES = {"a.md": [b"1", b"1", b"2"], "b.md": [b"1", b"3"], "results.md": [b"4"]}
"""Pictures of one name, in their order."""


def write(page: Path, pictures: list[bytes]):
    """Writes the page; its text shows the pictures."""
    made = Pictures(page)
    page.write_text("\n".join(f"![](figures/{made.write('study-x-0', one)})" for one in pictures))


def shown(page: Path) -> list[bytes]:
    names = [line.removeprefix("![](").removesuffix(")") for line in page.read_text().splitlines()]
    return [(page.parent / name).read_bytes() for name in names]


@pytest.mark.parametrize("order", list(permutations(PAGES)))
def test_each_page_shows_its_own_pictures(tmp_path, order):
    for name in (*order, *order):
        write(tmp_path / name, PAGES[name])
    assert {name: shown(tmp_path / name) for name in PAGES} == PAGES


def test_a_page_that_is_written_again_replaces_its_pictures(tmp_path):
    for content in (b"1", b"2"):
        write(tmp_path / "results.md", [content])
        assert shown(tmp_path / "results.md") == [content]
    assert [file.name for file in (tmp_path / "figures").iterdir()] == ["study-x-0.png"]
