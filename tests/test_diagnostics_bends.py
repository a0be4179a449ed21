"""Where second derivatives are not finite the verdict says so, and play is judged all the same; and a member whose
diagnosis fails loses no other's."""

import json
import math
from typing import Any

import pytest
import torch

import nashpath as nash
from nashpath.diagnostics import statements
from nashpath.run import SettingError
from nashpath.run.assess import diagnose as module
from nashpath.run.errors import UndiagnosedError
from run_folders import nash as command
from test_diagnostics_kinks import read, zero_sum

POWERS: dict[str, Any] = {
    "|x|^1.5 − y²": lambda x, y: x.abs() ** 1.5 - y**2,
    "x² − |y|^1.5": lambda x, y: x**2 - y.abs() ** 1.5,
    "|x|^1.2 + xy − |y|^1.7": lambda x, y: x.abs() ** 1.2 + x * y - y.abs() ** 1.7,
    "‖x‖ − ‖y‖": lambda x, y: x.norm() - y.norm(),
    "‖(x, y)‖": lambda x, y: torch.cat([x, y]).norm(),
    "−|x|^1.5 − y²": lambda x, y: -(x.abs() ** 1.5) - y**2,
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("rate", [0.1, 0.01])
@pytest.mark.parametrize("name", POWERS)
def test_a_curvature_that_is_not_finite_is_said_and_play_is_judged(name, rate):
    seen = read(zero_sum(POWERS[name]), 0.0, 0.0, rate=rate)
    assert (seen.evidence.finite, seen.evidence.bends, seen.kind) == (True, False, "undecided")
    assert "undecided: the curvature is not finite here (a kink or a root)" in statements(seen)[0].sentence
    assert seen.play.played
    assert seen.margins is None
    assert "the curvature is not finite" in seen.unknown


def test_play_that_runs_off_a_root_is_not_said_to_close_in():
    """−|x|^1.5 pulls away from 0 on both sides, faster than any multiplier says."""
    assert read(zero_sum(POWERS["−|x|^1.5 − y²"]), 0.0, 0.0, rate=0.1).play.motion == "leaves"


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("x", "y"), [(0.3, 0.1), (-0.5, 0.0), (1e-3, 0.2)])
@pytest.mark.parametrize("name", POWERS)
def test_beside_such_a_point_nothing_fails(name, x, y):
    seen = read(zero_sum(POWERS[name]), x, y, rate=0.01)
    assert math.isfinite(seen.evidence.players["generator"].slope)
    assert statements(seen)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp("run")
    settings = {"game": "quadratic", "steps": 3, "seeds": [0, 1, 2], "compile": "off", "stack": "off"}
    nash.open_session(settings, {}, tmp_path / "run").train()
    return tmp_path / "run"


WHOLE, FOUND = module.diagnose_member, dict[int, Any]()


def failing(monkeypatch, members, error):
    def one(member, trial, train_state, *given, **named):
        if member in members:
            raise error
        if member not in FOUND:  # once: it is the same each time
            FOUND[member] = WHOLE(member, trial, train_state, *given, **named)
        return FOUND[member]

    monkeypatch.setattr(module, "diagnose_member", one)


ERRORS = [ValueError("no"), RuntimeError("two\nlines"), SettingError("s"), MemoryError(), ZeroDivisionError("by 0")]


@pytest.mark.long(first=True)
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_member_that_fails_is_named_and_loses_no_other(run, monkeypatch, error):
    for members in ([0], [1], [0, 2]):
        with monkeypatch.context() as patch:
            failing(patch, members, error)
            with pytest.raises(UndiagnosedError) as told:
                nash.diagnose(run, quick=True)
        rest = [member for member in range(3) if member not in members]
        assert [one.member for one in told.value.found] == rest
        assert [one["member"] for one in json.loads((run / "diagnosis.json").read_text())["members"]] == rest
        assert list(told.value.failed) == members
        assert all(f"member {member} ({type(error).__name__}" in str(told.value) for member in members)


def test_where_every_member_fails_the_first_error_is_raised_and_a_stop_is_one(run, monkeypatch):
    (run / "diagnosis.json").unlink(missing_ok=True)
    for members, error in ([0, 1, 2], ERRORS[0]), ([1], KeyboardInterrupt()):
        with monkeypatch.context() as patch:
            failing(patch, members, error)
            with pytest.raises(type(error)):
                nash.diagnose(run, quick=True)
    assert not (run / "diagnosis.json").exists()


def test_the_command_shows_the_others_draws_their_page_and_names_the_one_that_failed(run, monkeypatch):
    (run / "report.html").unlink(missing_ok=True)
    failing(monkeypatch, [1], ERRORS[0])
    done = command("diagnose", run, "--quick", "--member", 0, "--member", 1, expect=2)
    assert "member 0: " in done.stdout
    assert str(run / "report.html") in done.stdout
    assert "not diagnosed: member 1" in done.stderr.replace("\n", " ")
    assert (run / "report.html").exists()
