"""Checkpoints and events: damaged and foreign files are refused by name, writing is atomic, pickle is never read."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from nashpath.core.tree import leaves
from nashpath.run import CheckpointError, resume_session
from nashpath.run.folder.checkpoint import names, restore_member
from nashpath.run.folder.run_folder import write_atomic
from run_folders import nash, rows, small, tensors, trained


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    folder = tmp_path_factory.mktemp("original") / "run"
    trained(small(average="ema"), folder)
    return folder


@pytest.fixture
def run(original, tmp_path):
    (tmp_path / "samples").mkdir()
    for name in ("config.toml", "checkpoint.safetensors", "metrics.jsonl"):
        (tmp_path / name).write_bytes((original / name).read_bytes())
    return tmp_path


class Trap:
    def __reduce__(self):
        return os.mkdir, ("pickle-was-read",)


DAMAGE = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-100]),
    "cut in the header": lambda file: file.write_bytes(file.read_bytes()[:50]),
    "empty": lambda file: file.write_bytes(b""),
    "pickle": lambda file: file.write_bytes(pickle.dumps(Trap())),
    "foreign": lambda file: save_file({"weight": torch.zeros(3)}, file),
    "another experiment": lambda file: rewritten(file, lambda found: found.pop("member0.steps")),
    "another shape": lambda file: rewritten(
        file, lambda found: found.update({"member0.point.players.generator.head.bias": torch.zeros(3)})
    ),
    "one member too many": lambda file: rewritten(file, lambda found: found.update({"member1.steps": torch.tensor(3)})),
}


def rewritten(file, change):
    with safe_open(file, "pt") as stored:
        found, header = {key: stored.get_tensor(key) for key in stored.keys()}, stored.metadata()  # noqa: SIM118
    change(found)
    save_file(found, file, header)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_and_foreign_checkpoints_are_refused_by_name(run, monkeypatch, damage):
    monkeypatch.chdir(run)
    file = run / "checkpoint.safetensors"
    DAMAGE[damage](file)
    before = file.read_bytes()
    for use in (lambda: resume_session(run, []), lambda: restore_member(run)):
        with pytest.raises(CheckpointError, match="checkpoint"):
            use()
    assert str(file) in nash("train", "--resume", "--out", run, expect=2).stderr
    assert file.read_bytes() == before
    assert not (run / "pickle-was-read").exists()


def test_a_checkpoint_of_a_sweep_holds_each_member_s_tensors_apart(tmp_path):
    session = trained(small(stack="on", seeds=[0, 1]), tmp_path / "run")
    for member in (0, 1):
        found = tensors(tmp_path / "run", member)
        for who, params in session.groups[0].program.train_state(member).point.players.items():
            for name, value in params.items():
                assert torch.equal(torch.from_numpy(found[f"point.players.{who}.{name}"]), value)


def format_of(folder):
    with safe_open(folder / "checkpoint.safetensors", "pt") as stored:
        return stored.metadata()["format"]


NAMED = {
    "names with dots": {"players": {"critic": {"head.weight": 1, "head.bias": 2}}, "list": [3, (4,)]},
    "two ways that read alike": {"a.b": {"c": 1}, "a": {"b.c": 2, "b": {"c": 3}}, "d": 4},
    "backslashes": {"a\\": {"b": 1}, "a.b": 2, "a": {"b": 3}, "a\\.b": 4},
}


@pytest.mark.parametrize("case", NAMED)
def test_names_are_different_and_readable(case):
    found = names(NAMED[case])
    assert len(set(found)) == len(leaves(NAMED[case]))
    if case == "names with dots":
        assert found == ["players.critic.head.weight", "players.critic.head.bias", "list.0", "list.1.0"]
    if case == "two ways that read alike":
        assert found == [r"a\.b.c", r"a.b\.c", "a.b.c", "d"]


def test_tensors_bear_the_names_of_what_they_are(original):
    found = tensors(original)
    expected = {"member0.point.players.generator.head.weight", "member0.steps", "member0.diverged_player"}
    assert expected <= set(found)
    assert not any("generator" in name.split(".")[-1] for name in found)  # draws follow from the step
    assert any(name.startswith("member0.memory.average.") for name in found)
    assert format_of(original) == "nashpath checkpoint 3"


@pytest.fixture
def earlier(tmp_path):
    """A run of version 0.1, whose checkpoint has the format 1."""
    return Path(shutil.copytree(Path(__file__).parent / "fixtures" / "run-format-1", tmp_path / "earlier"))


@pytest.mark.parametrize(
    "command",
    [("train", "--resume", "--out"), ("sample",), ("evaluate",), ("diagnose",)],
    ids=lambda command: command[0],
)
def test_an_earlier_format_is_refused_with_what_to_do(earlier, monkeypatch, command):
    monkeypatch.chdir(earlier.parent)
    before = {file.name: file.read_bytes() for file in earlier.iterdir()}
    said = nash(*command, earlier, expect=2).stderr
    assert said == (
        f"error: {earlier / 'checkpoint.safetensors'} has the format 'nashpath checkpoint 1', which nashpath 0.1 "
        "reads; this version reads 'nashpath checkpoint 3' only: train the run anew from its settings, with "
        f"nashpath train {earlier / 'config.toml'} --out ANOTHER_FOLDER\n"
    )
    assert {file.name: file.read_bytes() for file in earlier.iterdir()} == before


@pytest.fixture
def with_generators(tmp_path):
    """A run of version 0.2, whose checkpoint has the format 2: it holds the state of the generator that drew."""
    return Path(shutil.copytree(Path(__file__).parent / "fixtures" / "run-format-2", tmp_path / "before"))


@pytest.mark.long
def test_a_generator_trained_before_draws_were_keyed_is_still_sampled(with_generators, tmp_path):
    _, state = restore_member(with_generators)
    kept = tensors(with_generators, 0)
    for name, value in state.point.players["generator"].items():
        assert torch.equal(value, torch.from_numpy(kept[f"point.players.generator.{name}"]))
    nash("sample", with_generators, "-n", 3, "--out", tmp_path / "x.npz", expect=0)
    nash("evaluate", with_generators, "--samples", 64, expect=0)


def test_a_run_that_goes_on_with_other_draws_says_so(with_generators):
    found = nash("train", "--resume", "--out", with_generators, "-s", "steps=12", "--accept-changes", expect=0)
    assert "drew its batches from generators" in found.stderr
    assert format_of(with_generators) == "nashpath checkpoint 3"


def test_a_flow_that_goes_on_with_other_draws_says_so(tmp_path):
    flow = shutil.copytree(Path(__file__).parent / "fixtures" / "flow-format-2", tmp_path / "before")
    found = nash("flow", "--resume", "--out", flow, "-s", "steps=12", "--accept-changes", expect=0)
    assert "drew its batches from generators" in found.stderr


def test_what_the_refusal_says_to_do_works(earlier):
    nash("train", earlier / "config.toml", "--out", earlier.parent / "anew")
    assert format_of(earlier.parent / "anew") == "nashpath checkpoint 3"


def test_a_run_of_an_earlier_format_is_still_reported(earlier):
    nash("report", earlier)
    page = (earlier / "report.html").read_text()
    assert "<dt>nashpath</dt><dd>0.1.0</dd>" in page
    assert '"sliced_wasserstein"' in page


def test_writing_is_atomic(tmp_path, monkeypatch):
    file = tmp_path / "file"
    write_atomic(file, b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        write_atomic(file, b"new")
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_run_leaves_no_temporary_files(original):
    assert not [path for path in original.rglob("*") if path.name.startswith(".") or path.suffix in (".tmp", ".part")]


def test_metrics_open_as_a_table(original):
    pandas = pytest.importorskip("pandas")
    table = pandas.read_json(original / "metrics.jsonl", lines=True)
    assert list(table.query("`cost.generator` == `cost.generator`")["step"]) == [4, 8, 12, 16, 20]
    assert table["seconds"].dropna().is_monotonic_increasing


def test_numbers_that_are_not_finite_are_null_in_every_file(tmp_path):
    raw = {"game": "bilinear", "compile": "off", "steps": 10, "log_every": 5}
    rule = {"kind": "sgd", "learning_rate": 1e10}
    raw["solver"] = {"kind": "simultaneous", "generator": rule, "discriminator": rule}
    trained(raw, tmp_path / "run")
    text = (tmp_path / "run" / "metrics.jsonl").read_text() + (tmp_path / "run" / "members.json").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    assert next(row for row in rows(tmp_path / "run") if "cost.generator" in row)["cost.generator"] is None
