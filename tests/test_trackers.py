"""Trackers: what each run of one holds, that a resumed run goes on in the same, and that none ends a training."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import nashpath as nash
from nashpath.run import open_session, resume_session
from nashpath.run.folder.settings_file import read_toml
from nashpath.run.settings.model import dotted
from nashpath.run.settings.resolve import dump, resolve
from nashpath.run.trackers import TRACKERS, Tracker
from run_folders import nash as command
from run_folders import rows, small, trained

IMAGES = {"data": "digits", "generator": {"kind": "mlp"}, "discriminator": {"kind": "mlp"}}


class Kept(Tracker):
    """Keeps what it is given.

    Reference: none, a test's own.
    """

    module = "json"
    made: list["Kept"] = []  # noqa: RUF012

    def __init__(self, tracked):
        super().__init__(tracked)
        self.scalar_rows, self.sheets, self.outcomes = [], [], {}
        self.runs = {member: tracked.key(member) for member in tracked.configs}
        Kept.made.append(self)

    def scalars(self, member, step, values):
        self.scalar_rows.append((member, step, dict(values)))

    def picture(self, member, step, pixels):
        self.sheets.append((member, step, pixels.shape, pixels.dtype))

    def close(self, outcomes):
        self.outcomes = outcomes


@pytest.fixture
def kept(own_methods, monkeypatch):
    monkeypatch.setattr(Kept, "made", [])
    nash.register("tracker", "kept", Kept)
    return Kept.made


def numbers(run: Path) -> list[tuple[int, int, dict[str, float]]]:
    """What a tracker is to be given: the rows of ``metrics.jsonl``, in order, without what is null there."""
    found = []
    for row in rows(run):
        values = {k.replace(".", "/", 1): v for k, v in row.items() if k not in ("step", "member") and v is not None}
        found.append((row["member"], row["step"], values))
    return found


def test_a_tracker_gets_the_rows_the_sheets_and_the_settings_and_a_resumed_run_goes_on_in_it(tmp_path, kept):
    run = tmp_path / "run"
    trained(small(**IMAGES, track=["kept"], seeds=[0, 1]), run)
    (first,) = kept
    assert first.scalar_rows == numbers(run)
    assert {(member, step) for member, step, *_ in first.sheets} == {(m, s) for m in (0, 1) for s in (0, 10, 20)}
    assert {(shape, kind) for *_, shape, kind in first.sheets} == {
        ((105, 105, 1), np.dtype(np.uint8))
    }  # 2 by 2 of 8 by 8, enlarged sixfold
    assert first.outcomes == {0: "finished", 1: "finished"}
    expected = dotted(dump(resolve(small(**IMAGES, track=["kept"], seeds=[0, 1], threads=1))))
    assert first.tracked.configs[1] == {**expected, "device": "cpu", "seed": 1}
    resume_session(run, [("steps", 24)]).train()
    assert kept[1].tracked.known == first.runs
    assert kept[1].tracked.start == 20
    assert first.scalar_rows + kept[1].scalar_rows == numbers(run)


@pytest.mark.long
def test_of_many_members_those_are_tracked_whose_samples_are_kept(tmp_path, kept):
    trained(small(track=["kept"], seeds=list(range(20)), steps=1), tmp_path / "run")
    assert len(kept[0].tracked.configs) == 16
    assert {member for member, *_ in kept[0].scalar_rows} == kept[0].tracked.configs.keys()


def warnings_to(said: list[str]):
    return lambda moment: said.append(moment.warning) if moment.warning else None


@pytest.mark.long(first=True)
@pytest.mark.parametrize("at", ["__init__", "scalars", "picture", "close"])
def test_a_tracker_that_fails_is_said_once_and_training_goes_on(tmp_path, kept, monkeypatch, at):
    def fails(self, *given):
        raise ConnectionError("no\nroute to host")

    trained(small(**IMAGES), tmp_path / "without")
    monkeypatch.setattr(Kept, at, fails)
    said = []
    session = open_session(small(**IMAGES, track=["kept"]), {}, tmp_path / "run", warnings_to(said))
    assert session.train() == "finished"
    assert len(said) == 1
    assert f"tracking with kept ended at step {20 if at == 'close' else 0}:" in said[0]
    assert "ConnectionError: no route to host; training goes on" in said[0]
    assert json.loads((tmp_path / "run" / "run.json").read_text())["warnings"] == said
    assert rows(tmp_path / "run") == rows(tmp_path / "without")


def test_a_tracker_that_is_not_installed_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    said = command("train", "-s", "track=wandb", "--out", tmp_path / "run", expect=2).stderr
    assert "track: wandb cannot be imported" in said
    assert "pip install 'nashpath[wandb]'" in said
    assert not (tmp_path / "run").exists()
    said = command("train", "-s", "track=wandbb", "--out", tmp_path / "run", expect=2).stderr
    assert "expected one of 'tensorboard'" in said
    assert "Did you mean 'wandb'?" in said


def test_damaged_names_of_runs_are_said_and_new_ones_begun(tmp_path, kept):
    trained(small(track=["kept"]), tmp_path / "run")
    (tmp_path / "run" / "trackers.json").write_text("{")
    said = []
    session = resume_session(tmp_path / "run", [("steps", 24)], warnings_to(said))
    assert session.train() == "finished"
    assert "trackers begin new runs" in " ".join(said)
    assert not kept[1].tracked.known


@pytest.mark.parametrize(("switch", "now"), [("true", {"track": ["tensorboard"]}), ("false", {})])
def test_the_switch_of_earlier_versions_is_read(tmp_path, switch, now):
    (tmp_path / "old.toml").write_text(f"steps = 5\ntensorboard = {switch}\n")
    assert read_toml(tmp_path / "old.toml") == {**now, "steps": 5}
    said = command("train", "-s", "tensorboard=true", "--out", tmp_path / "run", expect=2).stderr
    assert "Did you mean track=tensorboard?" in said


def read_tensorboard(run: Path) -> tuple[dict[tuple[str, int], float], list[int]]:
    """The scalars of member 1, and the steps of its pictures."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(run / "events" / "member-1"), size_guidance={"images": 0})
    events.Reload()
    scalars = {(tag, e.step): e.value for tag in events.Tags()["scalars"] for e in events.Scalars(tag)}
    return scalars, [e.step for e in events.Images("samples")]


def read_mlflow(run: Path) -> tuple[dict[tuple[str, int], float], list[int]]:
    client, key = (
        pytest.importorskip("mlflow").MlflowClient(),
        json.loads((run / "trackers.json").read_text())["mlflow"]["1"],
    )
    found = client.get_run(key)
    assert found.info.status == "FINISHED"
    assert (found.data.tags["outcome"], found.data.params["data.kind"]) == ("finished", "digits")
    scalars = {(tag, m.step): m.value for tag in found.data.metrics for m in client.get_metric_history(key, tag)}
    images = {Path(one.path).name for one in client.list_artifacts(key, "images")}
    return scalars, sorted(int(re.findall(r"step\W(\d+)", name)[0]) for name in images if name.endswith(".png"))


def read_trackio(run: Path) -> tuple[dict[tuple[str, int], float], list[int]]:
    logs = pytest.importorskip("trackio.sqlite_storage").SQLiteStorage.get_logs(
        "trial", json.loads((run / "trackers.json").read_text())["trackio"]["1"]
    )
    apart = ("timestamp", "step", "samples")
    scalars = {(tag, log["step"]): value for log in logs for tag, value in log.items() if tag not in apart}
    return scalars, [log["step"] for log in logs if "samples" in log]


REAL = {"tensorboard": read_tensorboard, "mlflow": read_mlflow, "trackio": read_trackio}


@pytest.mark.parametrize("name", REAL)
def test_what_a_real_tracker_reads_back(tmp_path, monkeypatch, name):
    pytest.importorskip(TRACKERS[name].module if name != "tensorboard" else "tensorboard")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    trained(small(**IMAGES, track=[name], track_project="trial", seeds=[0, 1], sample_every=12), run)
    resume_session(run, [("steps", 24)]).train()
    scalars, steps = REAL[name](run)
    expected = {(key, step): value for member, step, row in numbers(run) if member for key, value in row.items()}
    assert scalars.keys() == expected.keys()
    assert all(scalars[at] == pytest.approx(value, rel=1e-6) for at, value in expected.items())
    assert steps == [0, 12, 20, 24]
