"""The glossary has every word of a report page, and what it quotes is what the pages and the tables say now."""

import ast
import importlib.util
import re
from pathlib import Path
from typing import get_args

import pytest

import nashpath
from nashpath.cli.explain import entries
from nashpath.diagnostics import FINDINGS
from nashpath.diagnostics.behaviour import Behaviour
from nashpath.diagnostics.verdict import MEANING
from nashpath.report import outcome
from nashpath.report.diagnosis_figures import FIGURES
from nashpath.report.phrasing import meanings
from nashpath.report.reproduction import KINDS, WORDS
from nashpath.report.verdict import STATUS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "glossary.md").read_text()
TEMPLATES = Path(nashpath.__file__).parent / "report" / "templates"
MOTIONS = [word for part in get_args(Behaviour.__annotations__["motion"]) for word in get_args(part) or [part]]


def key(word: str) -> str:
    return word.casefold().replace("_", " ")


def words() -> set[str]:
    """The words of the first columns."""
    first = [row.split(" | ")[0] for row in re.findall(r"^\| (?!word|figure|number)(.*)$", PAGE, re.MULTILINE)]
    return {key(a or b) for cell in first for a, b in re.findall(r"`([^`]+)`|\[([^\]]+)\]", cell)}


def headings() -> set[str]:
    """What the templates write as headings of sections; of those that are chosen, every choice."""
    found: set[str] = set()
    for page in TEMPLATES.glob("*.j2"):
        text = page.read_text()
        for said in re.findall(r"<h[23][^>]*>(.*?)</h[23]>|\{% set film_title = (.*?) %\}", text):
            plain = re.sub(r"\{[{%].*?[%}]\}|<.*?>", "", said[0]).strip(" :")
            choices = re.findall(r'"([A-Z][^"]+)"', " ".join(said)) or [plain]
            found |= {part for choice in choices for part in choice.split(", and ") if part}
    return found


def shorts() -> set[str]:
    """The few words by which an outcome counts its members, as the source gives them."""
    tree = ast.parse(Path(outcome.__file__).read_text())
    made = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Outcome"]
    said = [text for call in made for argument in call.args[2:] for text in ast.walk(argument)]
    words = {node.value for node in said if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {f"{word}the equilibrium" if word.endswith(" ") else word for word in words}  # or another known point


@pytest.fixture(scope="module")
def glossary():
    found = importlib.util.spec_from_file_location("glossary", ROOT / "scripts" / "glossary.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_what_is_made_of_other_pages_is_what_they_say(glossary):
    before, _, rest = PAGE.partition(glossary.MARKS[0])
    assert rest.partition(glossary.MARKS[1])[0] == glossary.made(), "run make index"
    assert "## Numbers" not in before


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({*STATUS, "finished", "partial", "unknown"}, id="status"),
        pytest.param(shorts(), id="outcomes"),
        pytest.param({*FINDINGS, *MEANING, *MOTIONS}, id="diagnosis"),
        pytest.param({*WORDS, *KINDS} - {"found"} | {KINDS["found"][1]}, id="claims"),
        pytest.param(headings(), id="headings"),
        pytest.param({figure.title for figure in FIGURES.values()}, id="figures"),
        pytest.param(set(meanings()), id="numbers"),
    ],
)
def test_every_word_is_there(asked):
    assert len(asked) > 3
    assert {word for word in asked if key(word) not in words()} == set()


def test_the_outcomes_that_are_quoted_are_said(glossary):
    source = Path(outcome.__file__).read_text()
    assert [said for said in glossary.OUTCOMES if said.replace(" the equilibrium", " {there}") not in source] == []


def test_every_word_is_explained_on_request():
    known = {key(word) for entry in entries() for word in entry.words}
    assert words() - known == set()


def test_nothing_that_another_page_explains_is_explained_twice(glossary):
    """Quoted words are links, which `nashpath explain` does not read."""
    own = {word for entry in entries() if entry.place.startswith("glossary") for word in entry.words} - set(meanings())
    assert own & {word for said in glossary.ELSEWHERE.values() for word in said} == set()
