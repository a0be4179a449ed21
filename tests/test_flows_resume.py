"""``nashpath flow --resume``: a flow that was stopped goes on as one that was not."""

import json
import shutil

import numpy as np
import pytest
import torch

from nashpath.flows import Langevin
from nashpath.run import SettingError, resolve_flow, resume_flow, run_flow
from nashpath.run.folder.lock import FolderLock
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.overrides import parse_overrides
from nashpath.run.training import flow as flow_module
from nashpath.run.training import flow_recorder
from nashpath.run.training.flow_recorder import _check_memory
from run_folders import assert_same, members, nash, rows, tensors

TINY = ("particles=40", "steps=12", "samples=20", "evaluation_samples=20", "log_every=3", "sample_every=4")
KINDS = {
    "discriminator": ("ratio.warm_up=5", "discriminator.width=4"),
    "langevin": ("flow=langevin", "data=gaussian"),
    "mmd": ("flow=mmd", "flow.references=50"),
}


def flow(folder, *settings, more=(), expect=0):
    flags = [part for one in settings for part in ("-s", one)]
    return nash("flow", *flags, "--out", folder, *more, "--quiet", expect=expect)


def stop_at(monkeypatch, step):
    """The flow is stopped after a step, as by Ctrl-C."""
    real = flow_module.FlowRecorder.take
    at = []

    def take(self, state):
        real(self, state)
        at.append(state.step)

    monkeypatch.setattr(flow_module.FlowRecorder, "take", take)
    return lambda: bool(at) and at[-1] >= step


def assert_same_flow(one, other):
    assert rows(one) == rows(other)
    assert members(one) == members(other)
    assert_same(tensors(one), tensors(other))
    names = sorted(file.name for file in (other / "samples").iterdir())
    assert sorted(file.name for file in (one / "samples").iterdir()) == names
    for name in names:
        assert_same(*(dict(np.load(folder / "samples" / name)) for folder in (one, other)))


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [5, 8])
def test_a_stopped_flow_goes_on_bit_for_bit(kind, at, tmp_path, monkeypatch):
    settings = (*TINY, *KINDS[kind])
    flow(tmp_path / "whole", *settings)
    with monkeypatch.context() as patch:
        stop = stop_at(patch, at)
        run_flow(resolve_flow(parse_overrides(settings)), tmp_path / "cut", stop=stop)
    assert members(tmp_path / "cut")[0]["outcome"] == "stopped"
    assert members(tmp_path / "cut")[0]["steps"] == at
    flow(tmp_path / "cut", more=["--resume"])
    assert_same_flow(tmp_path / "cut", tmp_path / "whole")


def test_rows_after_the_checkpoint_are_made_again(tmp_path):
    settings = (*TINY, *KINDS["langevin"], "checkpoint_every=4")
    flow(tmp_path / "whole", *settings)
    kept = tmp_path / "killed"
    shutil.copytree(tmp_path / "whole", kept)
    store = RunFolder(kept)
    (kept / "members.json").unlink()
    store.digests.replaces("members.json", None)
    shutil.copy(kept / "checkpoint.previous.safetensors", kept / "checkpoint.safetensors")
    store.digests.copies("checkpoint.previous.safetensors", "checkpoint.safetensors")
    flow(kept, more=["--resume"])
    assert_same_flow(kept, tmp_path / "whole")


def test_a_flow_that_was_killed_before_its_first_checkpoint_begins_again(tmp_path):
    settings = (*TINY, *KINDS["langevin"])
    flow(tmp_path / "whole", *settings)
    shutil.copytree(tmp_path / "whole", tmp_path / "killed")
    store = RunFolder(tmp_path / "killed")
    for name in ("checkpoint.safetensors", "reference.npz", "members.json", "run.json"):
        (store.folder / name).unlink()
        store.digests.replaces(name, None)
    flow(tmp_path / "killed", more=["--resume"])
    assert_same_flow(tmp_path / "killed", tmp_path / "whole")
    assert (tmp_path / "killed" / "reference.npz").exists()


def test_a_diverged_flow_diverges_again(tmp_path, monkeypatch):
    """Noise is not drawn anew until it goes well."""
    real = Langevin.field

    def field(self, points, particles, memory):
        found = real(self, points, particles, memory)
        return found._replace(velocity=found.velocity / (particles.max() < 3.0))

    monkeypatch.setattr(Langevin, "field", field)
    flow(tmp_path / "wild", *TINY, "flow=langevin", "data=gaussian", "steps=200", "seed=1")
    before = members(tmp_path / "wild")[0]
    assert before["outcome"].startswith("diverged: particles at step ")
    assert before["steps"] > 5
    flow(tmp_path / "wild", more=["--resume"])
    assert members(tmp_path / "wild")[0] == before


def test_more_steps_and_nothing_else(tmp_path):
    folder = tmp_path / "flow"
    flow(folder, *TINY, *KINDS["mmd"])
    flow(folder, "steps=15", more=["--resume"])
    assert members(folder)[0]["steps"] == 15
    assert "steps: the flow has taken 15 steps already" in flow(folder, "steps=3", more=["--resume"], expect=2).output
    said = flow(folder, "particles=50", more=["--resume"], expect=2).output
    assert "particles: a resumed flow keeps its settings, except" in said
    assert "already holds a run; add --resume" in flow(folder, *TINY, expect=2).output


def test_an_edited_flow_is_refused_or_accepted(tmp_path):
    folder = tmp_path / "flow"
    flow(folder, *TINY, *KINDS["mmd"])
    text = (folder / "config.toml").read_text()
    (folder / "config.toml").write_text(text.replace("bandwidth = 0.2", "bandwidth = 0.3"))
    said = flow(folder, "steps=14", more=["--resume"], expect=2).output
    assert "bandwidth was 0.2, is 0.3" in " ".join(said.split())
    flow(folder, "steps=14", more=["--resume", "--accept-changes"])
    warnings = json.loads((folder / "run.json").read_text())["warnings"]
    assert any("bandwidth was 0.2" in one for one in warnings)


def test_a_flow_is_no_training_and_the_other_way_round(tmp_path):
    flow(tmp_path / "flow", *TINY, *KINDS["mmd"])
    said = nash("train", "--resume", "--out", tmp_path / "flow", expect=2).output
    assert "holds a flow; resume it with: nashpath flow --resume" in " ".join(said.split())
    for verb in (
        ["diagnose"],
        ["sample", "--out", tmp_path / "s.npz"],
        ["export", "--to", tmp_path / "g.pt2"],
        ["evaluate"],
    ):
        said = nash(verb[0], tmp_path / "flow", *verb[1:], expect=2).output
        assert "holds a flow: particles that move to the data, without players or networks" in " ".join(said.split())
    assert "is a flow: nashpath flow --resume --out" in nash("train", tmp_path / "flow", expect=2).output
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.toml").write_text('data = "ring"\n')
    said = flow(tmp_path / "other", more=["--resume"], expect=2).output
    assert "holds a training; resume it with: nashpath train --resume" in " ".join(said.split())
    assert "no such folder" in flow(tmp_path / "none", more=["--resume"], expect=2).output


def test_a_flow_that_another_writes_is_left_alone(tmp_path):
    flow(tmp_path / "flow", *TINY, *KINDS["mmd"])
    lock = FolderLock(tmp_path / "flow")
    try:
        assert "is writing the run there" in flow(tmp_path / "flow", more=["--resume"], expect=2).output
    finally:
        lock.release()


def test_a_memory_that_no_checkpoint_holds_is_refused_at_the_start():
    _check_memory("own", {"a": torch.zeros(1), "b": (torch.zeros(1),)})
    with pytest.raises(SettingError, match=r"flow=own: .* b\.0 is int"):
        _check_memory("own", {"a": torch.zeros(1), "b": (3,)})


class Clock:
    """A process's clock that moves at its start, in steps, and in estimates, of which its first one is dearer."""

    def __init__(self, monkeypatch, step, once):
        self.now, self.cold, self.step, self.once = 0.0, True, step, once
        monkeypatch.setattr(flow_recorder.time, "process_time", lambda: self.now)
        self.spends(monkeypatch, flow_recorder.FlowRecorder, "__init__", lambda: 30.0)
        self.spends(monkeypatch, flow_recorder.FlowRecorder, "_estimates", self.estimate)
        self.spends(monkeypatch, Langevin, "field", lambda: self.step)

    def spends(self, monkeypatch, owner, name, seconds):
        real = getattr(owner, name)

        def spending(*given, **named):
            self.now += seconds()
            return real(*given, **named)

        monkeypatch.setattr(owner, name, spending)

    def estimate(self):
        first, self.cold = self.cold, False
        return self.once + 7.0 * first


@pytest.mark.long(first=True)
@pytest.mark.parametrize("cuts", [(1,), (2,), (3,), (2, 3), (9,), (3, 9)])
@pytest.mark.parametrize(("step", "once", "every"), [(2.0, 0.2, 3), (1.0, 0.2, 6), (0.15, 0.2, 60), (0.01, 0.2, 120)])
def test_how_often_a_flow_estimates_does_not_depend_on_where_it_was_stopped(
    tmp_path, monkeypatch, cuts, step, once, every
):
    """``cuts`` before, at and after the step at which it is settled, 3 of 120, in new processes each time."""
    settings = ("particles=9", "steps=120", "samples=4", "flow=langevin", "data=gaussian", "evaluation_samples=9")
    for name, stops in (("whole", ()), ("cut", cuts)):
        clock = Clock(monkeypatch, step, once)
        monkeypatch.setattr("nashpath.run.training.session.GRACE", 0.1)
        for at in (*stops, None):
            with monkeypatch.context() as patch:
                stop = (lambda: False) if at is None else stop_at(patch, at)
                if (tmp_path / name / "config.toml").exists():
                    resume_flow(tmp_path / name, (), stop=stop)
                else:
                    run_flow(resolve_flow(parse_overrides(settings)), tmp_path / name, stop=stop)
            clock.cold = True
        monkeypatch.undo()
    estimated = [row["step"] for row in rows(tmp_path / "whole") if "w2" in row]
    assert estimated == sorted(
        {0, 3, *range(every, 121, every)}
    )  # a twentieth of 120 steps, less the first, the third and the last
    assert_same_flow(tmp_path / "cut", tmp_path / "whole")
