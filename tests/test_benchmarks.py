"""Every benchmark runs, at its smallest size; what it measures there means nothing."""

import argparse
import importlib
import runpy
import sys
from pathlib import Path

import pytest
import torch

from nashpath.games import OBJECTIVES, PENALTIES

FOLDER = Path(__file__).parent.parent / "benchmarks"
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("sizes", "verdict_cases"))
MORE = {"metrics": [["--memory"]]}
"""What else than the plain command is documented and quick."""


def run(monkeypatch, name: str, *arguments: str) -> None:
    """The script as the command line runs it, in this process."""
    path = FOLDER / f"{name}.py"
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    with torch.random.fork_rng():
        runpy.run_path(str(path), run_name="__main__")


@pytest.mark.parametrize(
    ("name", "more"), [(name, more) for name in SCRIPTS for more in [[], *MORE.get(name, [])]], ids=str
)
def test_every_benchmark_runs(name, more, monkeypatch, capsys):
    """And of objectives and penalties, what nobody wrote by hand is at least said."""
    run(monkeypatch, name, "--smallest", *more)
    said = capsys.readouterr().out
    assert len(said.splitlines()) > 1
    if name == "objectives":
        assert {*OBJECTIVES, *PENALTIES} - {"none"} <= set(said.replace(",", " ").split())


@pytest.fixture
def record(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("record")


def raced(way: str, ratio: float, members: int = 1) -> dict:
    return {"race": "ring", "way": way, "members": members, "rates": [ratio], "ratios": [ratio], "ready": 1.0}


def test_a_race_that_fell_by_a_fifth_is_named(record):
    old = {"races": [raced("solo", 10.0), raced("stacked", 10.0), raced("stacked", 10.0, 64)]}
    new = {"races": [raced("solo", 7.9), raced("stacked", 8.1), raced("stacked", 7.0, 64), raced("new", 0.1)]}
    assert record.regressions(new, [old]) == [
        "ring: solo, 1 members: 7.90 x, was 10.00 x",
        "ring: stacked, 64 members: 7.00 x, was 10.00 x",
    ]
    assert record.regressions(new, []) == []


def test_the_page_of_speed_is_made_from_the_records(record):
    kept = record.records(FOLDER / "records")
    assert kept
    assert (FOLDER.parent / "docs" / "speed.md").read_text() == record.page(kept)


def test_operations_are_those_of_the_products(record):
    with record.Operations() as counted:
        torch.matmul(torch.randn(3, 4), torch.randn(4, 5))
    assert counted.total == 2 * 3 * 4 * 5


def test_an_option_that_is_replaced_must_exist(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", ["benchmark", "--smallest"])
    from sizes import parse

    with pytest.raises(ValueError, match="no such options: width"):
        parse(argparse.ArgumentParser(), width=1)
