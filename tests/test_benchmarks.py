"""Every benchmark runs, at its smallest size; what it measures there means nothing."""

import argparse
import importlib
import json
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


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize(
    ("name", "more"), [(name, more) for name in SCRIPTS for more in [[], *MORE.get(name, [])]], ids=str
)
def test_every_benchmark_runs(name, more, request, monkeypatch, capsys):
    """And of objectives and penalties, what nobody wrote by hand is at least said. One compiles; the others trace."""
    if name != "stacked":
        request.getfixturevalue("traced")
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
    with record.scaling.Operations() as counted:
        torch.matmul(torch.randn(3, 4), torch.randn(4, 5))
    assert counted.total == 2 * 3 * 4 * 5


def test_an_option_that_is_replaced_must_exist(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", ["benchmark", "--smallest"])
    from sizes import parse

    with pytest.raises(ValueError, match="no such options: width"):
        parse(argparse.ArgumentParser(), width=1)


@pytest.fixture
def recipe_race(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("recipes")


def test_the_default_recipe_and_the_table_of_recipes_are_those_of_the_newest_record(recipe_race):
    kept = recipe_race.records(FOLDER / "records" / "recipes")
    race = kept[-1]["race"] if kept else {}
    for data, one in race.items():
        again = recipe_race.told(kept[-1]["runs"][data])
        assert {key: one[key] for key in again} == again
    assert (json.loads(recipe_race.RACE.read_text()) if recipe_race.RACE.exists() else {}) == race
    _, _, rest = recipe_race.PAGE.read_text().partition(recipe_race.MARKS[0])
    assert rest.partition(recipe_race.MARKS[1])[0] == recipe_race.table(race)


def reaching(**values: list[float]) -> list[dict]:
    made = {"steps": 5, "cpu_seconds": 1.0, "outcome": "finished"}
    return [
        {"recipe": name, "seed": k, "fid": one, **made} for name, own in values.items() for k, one in enumerate(own)
    ]


def test_the_best_recipe_has_the_lowest_mean_and_where_that_is_undecided_is_the_simplest(recipe_race):
    clear = recipe_race.told(reaching(dcgan=[9.0, 9.5, 9.2], r3gan=[1.0, 1.2, 1.1], sngan=[5.0, 5.5, 5.1]))
    assert (clear["best"], clear["lowest"], clear["undecided"]) == ("r3gan", "r3gan", ["r3gan"])
    near = recipe_race.told(reaching(dcgan=[1.0, 2.0, 3.0], r3gan=[1.5, 1.4, 2.0], sngan=[9.0, 9.5, 9.1]))
    assert (near["best"], near["lowest"], near["undecided"]) == ("dcgan", "r3gan", ["dcgan", "r3gan"])


@pytest.mark.long
def test_a_stopped_race_goes_on_where_it_was(recipe_race, monkeypatch, tmp_path, capsys):
    sizes = ["--data", "digits", "--seconds", "0.01", "--seeds", "1", "--samples", "80", "--rounds", "1"]
    places = ["--out", tmp_path / "runs", "--records", tmp_path / "records", "--features", "digits=digits"]
    run(monkeypatch, "recipes", *sizes, "--only", "dcgan", *map(str, places))
    monkeypatch.setattr("nashpath.run.open_session", None)  # no run is trained again
    run(monkeypatch, "recipes", *sizes, "--only", "dcgan", *map(str, places))
    first, second = (line for line in capsys.readouterr().out.splitlines() if line.startswith("digits dcgan"))
    assert first == second
