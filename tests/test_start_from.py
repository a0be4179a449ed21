"""A run that starts from another run's weights: bit for bit those, alone, stacked and swept, and nothing else of it."""

import json
import shutil
import tomllib

import pytest
import torch

import nashpath
from nashpath.run import SettingError, open_session, resume_session
from run_folders import assert_same, assert_same_run, flags, members, nash, small, tensors, trained

POINT = "point.players."


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A run of three members that keeps averages."""
    folder = tmp_path_factory.mktemp("source") / "first"
    trained(small(penalty="dragan", average="ema", seeds=[0, 1, 2]), folder)
    return folder


def networks(folder, member=0):
    return {name: value for name, value in tensors(folder, member).items() if name.startswith(POINT)}


def started(folder, source, member=None, **changes):
    """A run that has taken no step yet; the tensors of one of its members."""
    open_session(small(start_from=str(source), **changes), {}, folder).store.release()
    return tensors(folder, 0 if member is None else member)


@pytest.mark.long
@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("way", [{}, {"stack": "on"}, {"compile": "on"}])
def test_the_first_step_begins_at_the_weights_of_the_checkpoint_bit_for_bit(tmp_path, source, way):
    same = {"penalty": "dragan", "average": "ema", "seeds": [0, 1, 2], **way}
    session = open_session(small(start_from=str(source), **same), {}, tmp_path / "run")
    session.store.release()
    for member in range(3):
        assert_same(networks(tmp_path / "run", member), networks(source, member))
        assert int(tensors(tmp_path / "run", member)["steps"]) == 0
    assert session.train() == "finished"
    one, other = (networks(folder) for folder in (tmp_path / "run", source))
    assert any((one[name] != other[name]).any() for name in one)


def test_other_batches_rates_data_penalty_and_solver_are_allowed(tmp_path, source):
    other = {
        "data": "grid",
        "batch_size": 8,
        "penalty": "r1",
        "solver": {"kind": "extragradient", "generator": {"kind": "sgd", "learning_rate": 0.1}},
        "seeds": [5],
        "start_member": 2,
    }
    started(tmp_path / "run", source, **other)
    assert_same(networks(tmp_path / "run"), networks(source, 2))
    assert not [name for name in tensors(tmp_path / "run", 0) if name.startswith("memory.generator.second")]


def test_techniques_around_the_critic_change_no_weights(tmp_path, source):
    state = started(tmp_path / "run", source, technique="instance_noise", seeds=[0], start_member=1)
    there = networks(source, 1)
    for name, value in there.items():
        assert (state[name.replace("discriminator.", "discriminator.network.")] == value).all()
    back = started(tmp_path / "back", tmp_path / "run")
    assert_same({name: back[name] for name in there}, there)


def test_averages_start_a_run_where_they_are_asked_for(tmp_path, source):
    started(tmp_path / "run", source, start_with="averages", seeds=[0], start_member=1)
    averaged = nashpath.load(source, 1).generator.state_dict()
    begun = nashpath.load(tmp_path / "run", averaged=False).generator.state_dict()
    assert all(torch.equal(begun[name], value) for name, value in averaged.items())
    last = nashpath.load(source, 1, averaged=False).generator.state_dict()
    assert any(not torch.equal(last[name], value) for name, value in averaged.items())


def test_the_solvers_memory_goes_on_where_it_is_asked_for(tmp_path, source):
    same = {"penalty": "dragan", "average": "ema", "seeds": [0, 1, 2]}
    state = started(tmp_path / "run", source, start_with="memory", **same)
    assert_same({**state, "steps": 0 * state["steps"] + 20}, tensors(source, 0))
    with pytest.raises(SettingError, match=r"start_with=memory: .* is not the same here and in .*member 0"):
        started(tmp_path / "other", source, start_with="memory", solver="extragradient", seeds=[0, 1, 2])


def test_a_member_of_a_sweep_equals_its_solo_run(tmp_path, source):
    base = small(start_from=str(source), penalty="r1", start_member=1, stack="off")
    trained({**base, "seeds": [3]}, tmp_path / "sweep", penalty__weight=[0.1, 1.0])
    trained({**base, "penalty": {"kind": "r1", "weight": 1.0}, "seeds": [3]}, tmp_path / "solo")
    assert_same(tensors(tmp_path / "sweep", 1), tensors(tmp_path / "solo", 0))


def test_a_resumed_run_needs_the_other_one_no_more(tmp_path, source):
    shutil.copytree(source, tmp_path / "first")
    raw = small(start_from=str(tmp_path / "first"), penalty="r1", start_member=1)
    trained(raw, tmp_path / "whole")
    open_session(raw, {}, tmp_path / "run").store.release()
    shutil.rmtree(tmp_path / "first")
    assert resume_session(tmp_path / "run", []).train() == "finished"
    assert_same_run(tmp_path / "run", tmp_path / "whole")


def test_the_folder_and_the_page_say_what_a_run_started_from(tmp_path, source):
    run = tmp_path / "run"
    nash("train", *flags("seeds=[0,1,2]", "start_with=averages"), "--start-from", source, "--out", run)
    told = json.loads((run / "run.json").read_text())["start"]
    assert told | {"sha256": ""} == {"run": "first", "step": 20, "with": "averages", "sha256": ""}
    config = tomllib.loads((run / "config.toml").read_text())
    assert config["start_digest"] == told["sha256"]
    assert config["places"]["start_from"] == str(source)
    assert "first at step 20: its averaged weights" in (run / "report.html").read_text()
    assert [member["outcome"] for member in members(run)] == ["finished"] * 3


@pytest.mark.long
def test_a_config_starts_the_same_run_again_and_no_other(tmp_path, source):
    shutil.copytree(source, tmp_path / "first")
    begin = ("train", *flags("start_member=0"), "--start-from", tmp_path / "first")
    nash(*begin, "--out", tmp_path / "run")
    nash("train", tmp_path / "run" / "config.toml", "--out", tmp_path / "again")
    assert_same(tensors(tmp_path / "run"), tensors(tmp_path / "again"))
    nash("train", "--resume", "--out", tmp_path / "first", "-s", "steps=24")
    said = nash("train", tmp_path / "run" / "config.toml", "--out", tmp_path / "third", expect=2).stderr
    assert "start_digest: the checkpoint in" in said


@pytest.mark.long
def test_parts_start_as_the_whole_run_does(tmp_path, source):
    begin = ("train", *flags("seeds=[0,1,2]"), "--start-from", source)
    nash(*begin, "--out", tmp_path / "whole")
    for part in ("1/2", "2/2"):
        nash(*begin, "--part", part, "--out", tmp_path / "parts")
    nash("gather", tmp_path / "parts")
    assert_same(tensors(tmp_path / "parts"), tensors(tmp_path / "whole"))


def test_a_toy_starts_from_a_toy(tmp_path):
    raw = {"game": "bilinear", "steps": 5, "compile": "off", "stack": "off"}
    trained(raw, tmp_path / "first")
    open_session({**raw, "start_from": str(tmp_path / "first")}, {}, tmp_path / "run").store.release()
    assert_same(networks(tmp_path / "run"), networks(tmp_path / "first"))


REFUSED = {
    "another width": ({"generator": {"width": 5}}, r"the generator does not fit: .*weight has the shape \(5, 2\) here"),
    "another depth": ({"discriminator": {"depth": 3}}, r"the discriminator does not fit: .* in .*first, member 1"),
    "spectral norm": ({"discriminator": {"norm": "spectral"}}, "the discriminator does not fit: .* is not there"),
    "no such member": ({"start_member": 3}, "start_member: 3: .* has members 0 to 2"),
    "other numbers": ({"start_member": -1, "seeds": [0, 1]}, "has 3 members and this run 2; say with start_member"),
    "no run": ({"start_from": "nowhere"}, "start_from: nowhere holds no run"),
    "nothing named": ({"start_from": ""}, "start_member: there is no run to start from"),
    "another digest": ({"start_digest": "0" * 64}, "start_digest: the checkpoint in"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_refused(tmp_path, source, case):
    changes, said = REFUSED[case]
    raw = small(**{"start_from": str(source), "start_member": 1, **changes})
    with pytest.raises(SettingError, match=said):
        open_session(raw, {}, tmp_path / "run")
    assert not (tmp_path / "run" / "config.toml").exists()


def test_averages_that_are_not_kept_and_damaged_checkpoints_are_refused(tmp_path):
    trained(small(), tmp_path / "first")
    with pytest.raises(SettingError, match="keeps no averaged weights"):
        started(tmp_path / "run", tmp_path / "first", start_with="averages")
    content = bytearray((tmp_path / "first" / "checkpoint.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "first" / "checkpoint.safetensors").write_bytes(content)
    (tmp_path / "first" / "checkpoint.previous.safetensors").unlink(missing_ok=True)
    with pytest.raises(nashpath.run.CheckpointError, match="does not match its digest"):
        started(tmp_path / "other", tmp_path / "first")


def test_a_run_killed_before_it_kept_its_start_is_not_begun_from_chance(tmp_path, source):
    started(tmp_path / "run", source, seeds=[0, 1, 2])
    for name in ("checkpoint", "checkpoint.previous"):
        (tmp_path / "run" / f"{name}.safetensors").unlink(missing_ok=True)
    (tmp_path / "run" / "digests.jsonl").unlink()
    with pytest.raises(nashpath.run.CheckpointError, match="what the run started from"):
        resume_session(tmp_path / "run", [])
