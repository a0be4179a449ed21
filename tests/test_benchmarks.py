"""Every benchmark runs, at its smallest size; what it measures there means nothing."""

import argparse
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
    run(monkeypatch, name, "--smallest", *more)
    assert len(capsys.readouterr().out.splitlines()) > 1


def test_no_objective_or_penalty_is_left_out(monkeypatch, capsys):
    """What nobody wrote by hand is at least said."""
    run(monkeypatch, "objectives", "--smallest")
    words = capsys.readouterr().out.replace(",", " ").split()
    assert {*OBJECTIVES, *PENALTIES} - {"none"} <= set(words)


def test_an_option_that_is_replaced_must_exist(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setattr(sys, "argv", ["benchmark", "--smallest"])
    from sizes import parse

    with pytest.raises(ValueError, match="no such options: width"):
        parse(argparse.ArgumentParser(), width=1)
