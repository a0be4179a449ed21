"""The table of all solvers on the zoo, in the docs, is what the code says: costs, theory, two rows measured again."""

import re
from pathlib import Path

import pytest
import torch

from nashpath.solvers import SGD, SOLVERS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "choose.md").read_text()


@pytest.fixture
def zoo(monkeypatch):
    """The script that makes the table."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import zoo

    return zoo


@pytest.fixture
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def lines(zoo) -> dict[str, str]:
    """The rows of the page by solver."""
    table = PAGE.partition(zoo.MARKS[0])[2].partition(zoo.MARKS[1])[0].splitlines()[2:]
    return {re.findall(r"`(\w+)`", line)[0]: line for line in table}


def test_every_solver_has_its_row_and_its_cost(zoo):
    rows = lines(zoo)
    assert list(rows) == list(SOLVERS)
    for name, line in rows.items():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert cells[1] == zoo.cost(SOLVERS[name](SGD(), SGD()))
        assert len(cells) == 2 + len(zoo.GAMES)


def test_what_was_measured_on_the_bilinear_game_is_what_theory_says(zoo):
    for name, line in lines(zoo).items():
        measured, theory = re.findall(r"(\d\.\d+)(?: \((\d\.\d+)\))?", line)[0]
        told = zoo.THEORY[name](zoo.GAMES["bilinear"][1]) if name in zoo.THEORY else None
        assert theory == ("" if told is None else f"{told:.3f}")
        if told is not None:  # the orbits of some are ellipses, whose quarters differ by a little
            assert float(measured) == pytest.approx(told, abs=0.005)


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("name", ["simultaneous", "extragradient_plus"])
def test_a_row_measured_again_is_the_same(name, zoo):
    assert zoo.row(name, 120) == lines(zoo)[name]


def test_the_claims_of_papers_quote_the_table_and_name_tests_that_are_there(zoo):
    """`solvers.md`: "`name` on game: word number" is a cell of the table; every name in the last column is a test."""
    page = (ROOT / "docs" / "solvers.md").read_text()
    claims = page.partition("## What their papers claim")[2].partition("Without a rate")[0]
    quoted = re.findall(r"`(\w+)` on ([\w ]+): (\w+ \d\.\d+)", claims)
    assert len(quoted) > 10
    rows, games = lines(zoo), list(zoo.GAMES)
    for name, game, cell in quoted:
        cells = [part.strip() for part in rows[name].strip("|").split("|")]
        assert cells[2 + games.index(game)].startswith(cell), (name, game)
    tests = "".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", claims)
    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in tests] == []
