"""Steps that are recorded and replayed: the same as steps, of any kind, number and beginning.

A CPU records nothing; here its "recording" does the work again, at the same places in memory, so that what a graph's
fixed addresses ask of a program (nothing may be left where the next replay changes it) holds or fails as on a GPU.
"""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch

from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves
from nashpath.run.engine import program as programs
from nashpath.run.engine import recording
from nashpath.run.engine.program import Program
from nashpath.run.engine.recording import Recordings
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from run_folders import assert_same_run, flags, interrupt_after, members, nash, small, trained
from test_run_settings import ROWS, suited

WIDTH = {"generator": {"width": 8, "depth": 1}, "discriminator": {"width": 8, "depth": 1}}


def again(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """A recording that does the work itself, twice before, as a GPU's libraries are warmed."""
    work()
    work()
    return work


@pytest.fixture
def recorded(monkeypatch):
    """Programs of the CPU record; a replay always pays. Lists the lengths of all replays."""
    replayed: list[int] = []
    call = recording.Recording.__call__

    def noted(self, state, given):
        replayed.append(self.length)
        return call(self, state, given)

    monkeypatch.setattr(recording.Recording, "__call__", noted)
    monkeypatch.setattr(recording, "PAYS", 0.0)
    monkeypatch.setattr(recording, "LONGEST", math.inf)
    monkeypatch.setattr(programs, "RECORDS", {"cpu": again})
    return replayed


def ends(settings, steps, mode="stacked", compiled=False, record=True):
    """Two members' training states and the last report after some calls of `Program.run`, and the states after each."""
    trials = [build_trial(resolve(settings), seed) for seed in (0, 1)]
    program = Program(trials, [0, 1], mode, compiled, record=record)
    seen = []
    for count in steps:
        program.run(count)
        seen.append([program.train_state(i) for i in (0, 1)])
    assert program.taken == sum(steps)
    return seen, program.info()


def assert_equal(ours, theirs):
    for a, b in zip(leaves(ours), leaves(theirs), strict=True):
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b


@pytest.mark.long(first=True)
@pytest.mark.parametrize("mode", ["stacked", "looped"])
@pytest.mark.parametrize("steps", [(1, 5), (3, 1, 1, 7), (2, 40)])
def test_replays_are_the_steps_whatever_is_run_at_once(recorded, mode, steps):
    """Also what was looked at between two calls stays as it was: its memory is not that of the recording."""
    settings = {"data": "ring", "penalty": "dragan", **WIDTH}
    plain = ends(settings, steps, mode, record=False)
    assert recorded == []
    assert_equal(ends(settings, steps, mode), plain)
    assert len(recorded) >= sum(steps) - 1  # and those of the trial, and of the watch


def traced(function):
    return as_one_graph(function, "traced")


@pytest.mark.long
@pytest.mark.parametrize("mode", ["stacked", "looped"])
def test_steps_that_draw_for_themselves_are_replayed_many_at_once(recorded, monkeypatch, mode):
    monkeypatch.setattr(programs, "as_one_graph", traced)
    settings = {"data": "ring", "penalty": "dragan", **WIDTH}
    monkeypatch.setattr(recording, "LENGTHS", (1, 2, 4))  # short ones: each is traced, step by step
    plain = ends(settings, (1, 6, 3, 5), mode, compiled=True, record=False)
    assert_equal(ends(settings, (1, 6, 3, 5), mode, compiled=True), plain)
    assert set(recorded) == {1, 2, 4}


REMEMBER = ("solver", "solver.generator", "average", "constraint", "technique")
OTHERS = pytest.mark.thorough("every second row of its table is among the others; places are found by what a step does")
METHODS = [
    pytest.param(*row, marks=OTHERS if place % 2 else ())
    for path in REMEMBER
    for place, row in enumerate(row for row in ROWS if row[0] == path)
]


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("path", "kind"), METHODS)
def test_every_method_that_remembers_is_replayed_as_it_steps(recorded, path, kind):
    """Memories may hand on what the state had (a slow average, a point before): replays must not mix up places."""
    plain = ends(suited(path, kind), (1, 3), record=False)
    assert_equal(ends(suited(path, kind), (1, 3)), plain)
    assert 1 in recorded


def moving(state, given):
    """A step that shifts what it remembers: each of the three takes the place of the next."""
    point, before, _ = state
    return (0.5 * point + given, point, before), {"cost": point.sum()}


def start():
    return tuple(torch.full((3,), value) for value in (1.0, 2.0, 3.0)), torch.ones(3), {"cost": torch.tensor(0.0)}


def test_what_a_step_hands_on_unchanged_comes_to_its_place(monkeypatch):
    monkeypatch.setattr(recording, "PAYS", 0.0)
    monkeypatch.setattr(recording, "LONGEST", math.inf)
    state, given, info = start()
    recordings = Recordings(moving, again)
    recordings.prepare(state, given, info, 64)
    longest = recordings.fitting(40)
    assert longest is not None
    found, told = longest(state, given)
    expected, said = state, info
    for _ in range(32):
        expected, said = moving(expected, given)
    assert_equal((found, told), (expected, said))
    assert "up to 32 in one CUDA graph, measured" in recordings.told


def lost(work, device, times):
    """A recording that does its work ``times`` times too often, or never."""
    work()
    return lambda: [work() for _ in range(times)]


@pytest.mark.parametrize("times", [0, 2])
def test_a_recording_that_does_something_else_is_not_used(times):
    state, given, info = start()
    recordings = Recordings(moving, partial(lost, times=times))
    recordings.prepare(state, given, info, 64)
    assert recordings.fitting(64) is None
    assert recordings.told.startswith("not recorded: a replay of 1 ends")


def test_what_cannot_be_recorded_is_told(monkeypatch):
    def refuses(work, device):
        raise RuntimeError("operation not permitted when stream is capturing\nmore lines")

    state, given, info = start()
    recordings = Recordings(moving, refuses)
    recordings.prepare(state, given, info, 64)
    assert (recordings.fitting(64), recordings.told.splitlines()) == (
        None,
        ["not recorded: operation not permitted when stream is capturing"],
    )


def test_a_recording_that_is_no_faster_is_not_used(monkeypatch):
    monkeypatch.setattr(recording, "_seconds", lambda work, device: 1.0)
    monkeypatch.setattr(recording, "PAYS", 33.0)
    state, given, info = start()
    recordings = Recordings(moving, again)
    recordings.prepare(state, given, info, 64)
    assert (recordings.fitting(64), recordings.told) == (None, "not recorded: a replay is no faster, measured")


def test_of_slow_steps_one_is_recorded(monkeypatch):
    monkeypatch.setattr(recording, "PAYS", 0.0)
    monkeypatch.setattr(recording, "_seconds", lambda work, device: 0.01)
    state, given, info = start()
    recordings = Recordings(moving, again)
    recordings.prepare(state, given, info, 64)
    assert recordings.fitting(64).length == 4  # then 0.01 / 4 a step, so 32 are too many
    monkeypatch.setattr(recording, "_seconds", lambda work, device: 1.0)
    recordings = Recordings(moving, again)
    recordings.prepare(state, given, info, 64)
    assert recordings.fitting(64).length == 1


@pytest.mark.long
def test_a_run_is_resumed_bit_for_bit_and_its_page_says_how_it_ran(recorded, tmp_path, monkeypatch):
    settings = flags("steps=24", "checkpoint_every=5", "stack=on")
    nash("train", *settings, "--seeds", "0:2", "--out", tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 7)
        nash("train", *settings, "--seeds", "0:2", "--out", tmp_path / "cut")
    assert members(tmp_path / "cut")[0]["steps"] < 24
    nash("train", "--resume", "--out", tmp_path / "cut")
    assert_same_run(tmp_path / "cut", tmp_path / "whole")
    assert "times faster recorded" in (tmp_path / "whole" / "run.json").read_text()
    assert recorded


def test_nothing_is_recorded_where_that_is_not_wanted(recorded, tmp_path):
    trained(small(data="ring", steps=6, cuda_graph="off"), tmp_path / "run")
    assert recorded == []


@pytest.mark.long
def test_a_member_that_diverges_in_a_replay_stays_there_and_says_why(recorded, monkeypatch):
    monkeypatch.setattr(programs, "as_one_graph", traced)
    monkeypatch.setattr(recording, "LENGTHS", (1, 2, 4))
    fast = {"kind": "alternating", "discriminator": {"kind": "sgd", "learning_rate": 1e30}}
    settings = {"data": "ring", "solver": fast, **WIDTH}
    told = []
    for record in (False, True):
        trials = [build_trial(resolve(settings), seed) for seed in (0, 1)]
        program = Program(trials, [0, 1], "stacked", True, record=record)
        program.run(1)
        program.run(12)
        told.append([(program.outcome(i), program.steps()[i]) for i in (0, 1)])
    assert told[0] == told[1]
    assert all(said.startswith("diverged") for said, _ in told[0])
