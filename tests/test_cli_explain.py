"""``nashpath explain``: the pages as an installed package has them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import nashpath
from nashpath.cli.explain import entries, explained, sections
from nashpath.diagnostics import FINDINGS
from nashpath.diagnostics.verdict import MEANING, more
from run_folders import nash

SOURCE = Path(nashpath.__file__).parent
MOTIONS = ("closes in", "goes round", "spirals out", "leaves", "stays", "stops short", "still moving", "undecided")


def referred() -> set[str]:
    """The words that messages send their reader to."""
    texts = [path.read_text() for path in SOURCE.rglob("*.py")]
    said = {word for text in texts for word in re.findall(r"""\bmore\(['"]([^'"]+)['"]\)""", text)}
    return said | {word for text in texts for word in re.findall(r"nashpath explain '([^'{]+)'", text)} | set(FINDINGS)


def test_every_word_that_a_message_refers_to_is_explained():
    known = {word.casefold() for entry in entries() for word in entry.words}
    assert {"what the point is", "what this play does here", "stable steps", *FINDINGS} <= referred()
    assert {word for word in {*referred(), *MEANING, *MOTIONS} if word.casefold() not in known} == set()


def test_messages_name_the_command_and_no_file():
    assert more("step too large") == "See nashpath explain 'step too large'."
    assert not [path for path in SOURCE.rglob("*.py") if re.search(r"[Ss]ee docs/", path.read_text())]


@pytest.mark.parametrize("asked", [["mode", "collapse"], ["mode collapse"], ["Mode-Collapse"], ["mode_collapse."]])
def test_a_verdict_is_explained_by_its_section(asked):
    said = nash("explain", *asked).stdout
    assert said.startswith("diagnostics: mode collapse\n")
    assert "Samples lie around half of the modes or fewer" in said


def test_a_row_of_a_table_is_explained_by_its_columns():
    said = nash("explain", "r1").stdout
    assert said.startswith("games: Penalties\n")
    assert "price: ½ weight · E ‖∇d‖²" in said
    assert "where: real samples" in said
    assert "the distance grows without turning" in nash("explain", "leaves").stdout


def test_a_word_of_several_places_is_explained_by_all():
    said = nash("explain", "undecided").stdout
    assert "diagnostics: What the point is" in said
    assert "diagnostics: What this play does here" in said


def test_what_no_table_has_is_explained_as_list_does():
    assert nash("explain", "ema").stdout == nash("list", "ema").stdout
    assert "real samples (and latents) in one batch" in nash("explain", "batch_size").stdout


def test_case_does_not_matter_and_a_plural_is_its_singular():
    assert nash("explain", "EMA").stdout == nash("list", "ema").stdout
    assert nash("explain", "rungs").stdout == nash("explain", "rung").stdout
    assert "one member a seed" in nash("explain", "seeds").stdout  # a setting of this very name


def test_without_a_word_the_words_are_listed_in_groups():
    said = " ".join(nash("explain").stdout.split())
    assert "Games and runs game, field, Jacobian, equilibrium, Nash equilibrium" in said
    assert "mode collapse" in said
    assert "Pages cli," in said
    assert "tutorial" in said


def test_a_page_says_which_of_its_sections_can_be_asked_for():
    said = nash("explain", "tutorial").stdout
    (page,) = [entry for entry in entries() if entry.place == "tutorial: Tutorial"]
    listed = re.findall("^- (.+)$", page.text, re.M)
    assert len(listed) > 3
    assert all(one in " ".join(said.split()) and explained(one) for one in listed)


WITHOUT = "import sys; from nashpath.cli import app; app({}, standalone_mode=False); assert 'torch' not in sys.modules"


@pytest.mark.long(first=True)
@pytest.mark.parametrize("word", ["", "what next", "qqqqq", "batch_size"])
def test_words_are_explained_without_pytorch(word):
    done = subprocess.run([sys.executable, "-c", WITHOUT.format(["explain", word])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("asked", "near"), [("mode colapse", "'mode collapse'"), ("dragn", "'dragan'")])
def test_near_misses_are_suggested(asked, near):
    assert f"nothing is said about {asked!r}. Did you mean {near}" in nash("explain", asked, expect=2).stderr


def test_nothing_is_suggested_where_nothing_is_near():
    assert "Did you mean" not in nash("explain", "qqqqq", expect=2).stderr


def test_pictures_and_links_are_left_out_and_code_is_no_heading():
    found = list(entries())
    prose = [re.sub(r"^```.*?^```$|`[^`]*`", "", entry.text, flags=re.M | re.S) for entry in found]
    assert [text for text in prose if re.search(r"\]\(|!\[", text)] == []
    assert not [entry for entry in found if "\0" in entry.text]
    (page,) = sections("# a\n```python\n# no heading\n```\n")
    assert page == ("a", "```python\n# no heading\n```")
