"""What `compile=auto` does: a bet, then what was measured, then what is remembered. Nothing is really compiled here."""

import importlib
import json
import os

import pytest
import torch

from nashpath.core.torch_compat.one_graph import CompilerError, compiled_folder
from nashpath.run import SettingError
from nashpath.run.engine import autotune as room
from nashpath.run.engine import program as program_room
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve

RAW = {"steps": 1, "batch_size": 4}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path))
    monkeypatch.setattr(room, "compiler_missing", lambda device: "")
    monkeypatch.setattr(program_room, "as_one_graph", lambda step: step)


def chosen(monkeypatch, eager=0.01, compiled=0.005, steps=1000, members=1, **raw):
    """The choice where a step takes so many seconds, and what was said on the way."""
    monkeypatch.setattr(room, "race", lambda programs: [eager, compiled][: len(programs)])
    trials = [build_trial(resolve({**RAW, **raw}), seed) for seed in range(members)]
    said = []
    stack = "on" if members > 1 else "off"
    return room.choose(trials, range(members), steps, stack, "auto", None, said.append), said


def kept(folder):
    return [json.loads(path.read_text()) for path in folder.glob("compiled/*.json")]


def test_short_work_is_not_compiled(monkeypatch, tmp_path):
    choice, said = chosen(monkeypatch, steps=4000)  # 40 s: half of it saved would not pay for 25 s
    assert (choice.compiled, said, kept(tmp_path)) == (False, [], [])
    assert "40 s of work" in choice.reason


@pytest.mark.parametrize("members", [1, 3])
def test_long_work_is_compiled_measured_and_remembered(monkeypatch, tmp_path, members):
    choice, said = chosen(monkeypatch, steps=10_000, members=members)
    assert (choice.compiled, said) == (True, ["compiling, about 25 s"])
    assert "2 times faster compiled" in choice.reason
    assert choice.ready is not None  # the run goes on with the step that was compiled
    assert [entry["gain"] for entry in kept(tmp_path)] == [2.0]


def test_what_is_slower_compiled_stays_eager_and_is_not_tried_again_for_less_than_much_work(monkeypatch, tmp_path):
    choice, _ = chosen(monkeypatch, compiled=0.011, steps=10_000)
    assert not choice.compiled
    assert "0.91 times faster compiled" in choice.reason
    choice, said = chosen(monkeypatch, compiled=0.011, steps=10_000, objective="minimax")
    assert said == ["compiling, about 25 s"]  # another structure
    choice, said = chosen(monkeypatch, steps=40_000)
    assert (choice.compiled, said) == (False, [])
    assert "measured before" in choice.reason
    choice, said = chosen(monkeypatch, steps=1_000_000)  # by now it is twice as fast: the first race was disturbed
    assert choice.compiled
    assert len(said) == 1


@pytest.mark.parametrize("error", [CompilerError("no such symbol"), AssertionError("expected size 64")])
def test_where_the_compiler_fails_steps_stay_eager_and_on_says_so(monkeypatch, error):
    def fails(*given):
        raise error

    monkeypatch.setattr(program_room, "as_one_graph", lambda step: fails)
    choice, said = chosen(monkeypatch, steps=10_000)
    assert not choice.compiled
    assert str(error) in choice.reason
    assert said == ["compiling, about 25 s"]
    if isinstance(error, CompilerError):
        program = program_room.Program([build_trial(resolve(RAW), 0)], [0], compiled=True)
        with pytest.raises(SettingError, match=r"no such symbol; train with compile=off"):
            program.run(1)


def test_other_numbers_are_the_same_program_and_other_shapes_are_not(monkeypatch, tmp_path):
    names = [
        room._kind_of(program_room.Program([build_trial(resolve({**RAW, **raw}), seed)], [seed]), 1, None)
        for seed, raw in (
            (0, {}),
            (1, {"solver": {"kind": "alternating", "generator": {"kind": "adam", "learning_rate": 0.5}}}),
            (0, {"batch_size": 8}),
            (0, {"generator": {"kind": "mlp", "width": 9}}),
            (0, {"penalty": {"kind": "r1"}}),
        )
    ]
    assert names[0] == names[1]
    assert len(set(names)) == 4


@pytest.mark.long(first=True)
@pytest.mark.parametrize("damage", ["", "{}", "[1]", '{"seconds": "x", "gain": 2}', '{"seconds": 1, "gain": NaN}'])
def test_a_damaged_memory_is_no_memory(monkeypatch, tmp_path, damage):
    chosen(monkeypatch, compiled=0.011, steps=10_000)
    (path,) = tmp_path.glob("compiled/*.json")
    path.write_text(damage)
    assert chosen(monkeypatch, steps=10_000)[1] == ["compiling, about 25 s"]


def test_what_cannot_be_compiled_stays_eager_with_the_reason(monkeypatch):
    def refused(self, steps, stop=program_room.never):
        raise SettingError("the critic cannot be compiled: it prints")

    monkeypatch.setattr(room, "seconds", lambda program: 1.0)
    monkeypatch.setattr(program_room.Program, "run", refused)
    choice = room.choose([build_trial(resolve(RAW), 0)], [0], 1000, "off", "auto", None)
    assert not choice.compiled
    assert "it prints" in choice.reason


def test_the_race_takes_the_best_of_several_steps():
    trial = build_trial(resolve(RAW), 0)
    taken = []

    class Counting(program_room.Program):
        def run(self, steps, stop=program_room.never):
            taken.append(self.trials)
            super().run(steps, stop)

    times = room.race([Counting([trial], [0]), Counting([trial], [1])])
    assert len(times) == 2
    assert min(times) > 0
    assert len(taken) >= 2 + 2 * room.LEAST_ROUNDS
    assert torch.tensor(times).isfinite().all()


@pytest.mark.parametrize("there", [True, False])
def test_what_was_compiled_before_is_expected_to_be_found_on_the_disk_if_that_is_there(monkeypatch, tmp_path, there):
    """A program that took 100 s, and 5 s the second time, pays in 40 s of work, unless the folder was emptied."""
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path if there else tmp_path / "emptied"))
    chosen(monkeypatch, steps=10_000)
    (path,) = tmp_path.glob("compiled/*.json")
    path.write_text('{"seconds": 100, "gain": 2, "again": 5}')
    choice, said = chosen(monkeypatch, steps=4000)
    assert (choice.compiled, said) == (there, ["compiling, about 5 s"] if there else [])
    kept = json.loads(path.read_text())
    assert kept["seconds"] == 100
    assert (kept["again"] < 5) == there


def test_the_compiler_keeps_its_work_beside_our_caches_unless_it_was_told_where(monkeypatch, tmp_path):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path))
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    assert compiled_folder() == tmp_path / "inductor"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "/elsewhere")
    assert str(compiled_folder()) == "/elsewhere"
    folders = importlib.import_module("torch._inductor.runtime.cache_dir_utils")
    monkeypatch.delenv("TORCHINDUCTOR_CACHE_DIR")
    monkeypatch.setattr(folders, "default_cache_dir", lambda: str(tmp_path / "temporary"))
    folders.cache_dir()  # which an import of the compiler asks for, and writes into the variable
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "temporary")
    assert compiled_folder() == tmp_path / "inductor"
    assert folders.cache_dir() == str(tmp_path / "inductor")
