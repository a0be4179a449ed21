"""The glossary has every word of a report page, and what it quotes is what the pages and the tables say now."""

import ast
import importlib.util
import re
from pathlib import Path
from typing import get_args

import pytest

import nashpath
from nashpath import report
from nashpath.cli.explain import _key, _singular, entries
from nashpath.cli.list_methods import index_of
from nashpath.diagnostics import FINDINGS
from nashpath.diagnostics.behaviour import Behaviour
from nashpath.diagnostics.verdict import MEANING
from nashpath.report import headline, outcome, questions, verdict
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


def labels() -> set[str]:
    """What the templates write as the names of facts, of columns, and of what is folded, where it is not computed."""
    texts = [page.read_text() for page in TEMPLATES.glob("*.j2")]
    return {said for text in texts for _, said in re.findall(r"<(dt|th|summary)[^>]*>([^<{}]+)</", text)}


def columns() -> set[str]:
    """The heads of columns that the report's own source writes, those of its lists that are called headers."""
    trees = [ast.parse(path.read_text()) for path in Path(report.__file__).parent.glob("*.py")]
    named = [
        value
        for tree in trees
        for node in ast.walk(tree)
        for name, value in (
            [(ast.unparse(node.target), node.value)]
            if isinstance(node, ast.AnnAssign)
            else [(ast.unparse(to), node.value) for to in node.targets]
            if isinstance(node, ast.Assign)
            else [(ast.unparse(k), v) for k, v in zip(node.keys, node.values) if k is not None]
            if isinstance(node, ast.Dict)
            else []
        )
        if name.strip("'").endswith("headers") and isinstance(value, ast.List)
    ]
    return {str(one.value) for value in named for one in value.elts if isinstance(one, ast.Constant)}


def answers() -> set[str]:
    """The questions of a page, and the words that answer them, as the source gives them."""
    tree = ast.parse(Path(questions.__file__).read_text())
    said: list[ast.AST] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Answer":
            said.append(node.args[1])
        elif isinstance(node, ast.Assign) and {"word", "question"} & set(
            ast.unparse(node.targets[0]).strip("()").split(", ")
        ):
            said.append(node.value.elts[0] if isinstance(node.value, ast.Tuple) else node.value)
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            said.append(node.value.elts[0])
    chosen = [part for node in said for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return {part.value for part in chosen if isinstance(part.value, str) and part.value not in ("bad", "good", "open")}


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
    source = Path(outcome.__file__).read_text() + Path(headline.__file__).read_text()
    assert [said for said in glossary.OUTCOMES if said.replace(" the equilibrium", " {there}") not in source] == []


def test_every_word_is_explained_on_request():
    known = {key(word) for entry in entries() for word in entry.words}
    assert words() - known == set()


FACTS = {"device": "cpu", "platform": "p", "threads": 1, "start": {}, "versions": {"torch": "1"}}


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("asked", "such"),
    [
        (labels(), {"member-steps per second", "wall time", "Mode"}),
        (columns(), {"Member", "Candidate", "Finished"}),
        (answers(), {"Is it good?", "partly", "train on"}),
        ({name for name, _ in verdict.run_facts(FACTS)}, {"started from", "torch"}),
        ({"EMA", "Nash equilibrium", "mode", "R1", "rungs", "is it good"}, {"EMA"}),
    ],
    ids=["labels", "columns", "answers", "facts", "other ways to say it"],
)
def test_what_a_page_shows_can_be_asked_for_as_it_stands_there(asked, such):
    assert such <= asked
    known = {key(word) for entry in entries() for key in (_key, _singular) for word in entry.words}
    index = index_of(None)
    known |= {_key(name) for rows in [index["general"], *index["kinds"].values()] for name, _ in rows}
    assert {word for word in asked if not {_key(word), _singular(word)} & known} == set()


def test_nothing_that_another_page_explains_is_explained_twice(glossary):
    """Quoted words are links, which `nashpath explain` does not read."""
    own = {word for entry in entries() if entry.place.startswith("glossary") for word in entry.words} - set(meanings())
    assert own & {word for said in glossary.ELSEWHERE.values() for word in said} == set()
