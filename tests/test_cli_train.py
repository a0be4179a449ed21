"""``nashpath train``: what it prints, where it writes, how it refuses."""

import json
import shutil
import signal
import tomllib

import pytest
import torch

from nashpath.run import Session, open_session
from nashpath.run.settings.model import General
from run_folders import assert_same_run, flags, interrupt_after, members, nash

PATHS = ("report.html", "run.json", "members.json", "metrics.jsonl", "config.toml", "checkpoint.safetensors")


def test_json_is_the_last_line_and_has_the_documented_form(tmp_path):
    run = tmp_path / "run"
    result = nash("train", *flags(), "--seeds", "3,5", "--sweep", "latent=2,3", "--json", "--out", run)
    found = json.loads(result.stdout.splitlines()[-1])
    assert list(found) == ["run", "steps_per_second", "headline", "quality", "members"]
    assert found["run"] == str(run)
    assert found["steps_per_second"] > 0
    keys = ["seed", "settings", "outcome", "steps", "costs", "metrics"]
    assert [list(member) for member in found["members"]] == [keys] * 4
    told = [(member["seed"], member["settings"]) for member in found["members"]]
    assert told == [(3, {"latent": 2}), (5, {"latent": 2}), (3, {"latent": 3}), (5, {"latent": 3})]
    assert {(member["outcome"], member["steps"]) for member in found["members"]} == {("finished", 20)}
    assert all(set(member["costs"]) == {"discriminator", "generator"} for member in found["members"])
    assert all("sliced_wasserstein" in member["metrics"] for member in found["members"])
    assert [{**member, "member": k} for k, member in enumerate(found["members"])] == members(run)


def test_a_run_ends_with_the_path_of_its_report(tmp_path):
    run = tmp_path / "run"
    result = nash("train", *flags(), "--out", run)
    assert result.stdout == f"{run / 'report.html'}\n"
    assert all((run / name).is_file() for name in PATHS)
    assert "1 member, compile=off" in result.stderr
    assert "20/20" in result.stderr


def test_quiet_drops_the_progress_and_keeps_what_came_of_it(tmp_path):
    whole = nash("train", *flags(), "--out", tmp_path / "whole").stderr.splitlines()
    result = nash("train", *flags(), "--quiet", "--out", tmp_path / "run")
    assert result.stderr.splitlines() == whole[-1:]
    assert len(whole) > 2
    assert result.stdout == f"{tmp_path / 'run' / 'report.html'}\n"


@pytest.mark.long
def test_a_config_file_with_a_sweep_equals_the_same_flags(tmp_path):
    run, file = tmp_path / "flags", tmp_path / "config.toml"
    nash("train", *flags("penalty=r1"), "--seeds", "0:2", "--sweep", "penalty.weight=1,5", "--out", run)
    lines = [f"{key} = {value}" if value[0].isdigit() else f'{key} = "{value}"' for key, value in _pairs(flags())]
    file.write_text('penalty = "r1"\nseeds = "0:2"\n' + "\n".join(lines) + "\n[sweep]\npenalty.weight = [1, 5]\n")
    nash("train", file, "--out", tmp_path / "file")
    assert_same_run(run, tmp_path / "file")
    nash("train", run / "config.toml", "--out", tmp_path / "again")
    assert_same_run(run, tmp_path / "again")


def test_a_setting_of_some_of_the_swept_methods_is_used_where_it_exists_and_that_is_said(tmp_path):
    run = tmp_path / "run"
    chosen = ["--sweep", "penalty=none,r1", "-s", "penalty.weight=0.25"]
    said = nash("train", *flags("steps=1"), *chosen, "--out", run).stderr
    assert said.count("penalty.weight is not used where penalty is none, which has no such setting\n") == 1
    config = tomllib.loads((run / "config.toml").read_text())
    assert (config["penalty"], config["sweep"]) == ({"weight": 0.25}, {"penalty": ["none", "r1"]})
    assert "not used" not in nash("train", "--resume", "--out", run, "-s", "steps=2").stderr


def _pairs(arguments):
    return [text.split("=") for text in arguments if text != "-s"]


def test_flags_override_the_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('steps = 999\n[penalty]\nkind = "r1"\nweight = 4\n')
    nash("train", file, *flags("penalty=r1"), "--out", tmp_path / "run")
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert config["steps"] == 20
    assert config["penalty"] == {"kind": "r1", "weight": 4.0}


def test_folders_are_named_after_the_data_or_the_game_and_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy = ["-s", "game=bilinear", "-s", "steps=2", "-s", "compile=off"]
    for arguments in (flags("steps=1"), flags("steps=1"), flags("steps=1", "data=grid"), toy):
        nash("train", *arguments, "--quiet")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["bilinear-1", "grid-1", "ring-1", "ring-2"]


def test_a_run_is_never_overwritten(tmp_path):
    nash("train", *flags("steps=1"), "--out", tmp_path)
    said = nash("train", *flags("steps=1"), "--out", tmp_path, expect=2).stderr
    assert "already holds a run" in said
    assert "--resume" in said
    assert "step 0" not in said


def test_a_run_without_a_checkpoint_says_that_resuming_begins_again(tmp_path):
    open_session({"data": "ring", "steps": 1, "compile": "off"}, {}, tmp_path / "run")  # and it is killed
    said = nash("train", *flags("steps=1"), "--out", tmp_path / "run", expect=2).stderr
    assert "already holds a run, which has no checkpoint yet; add --resume to begin it again at step 0" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-s", "penalty=dragn"], ["penalty", "'dragan'"]),
        (["-s", "step=1"], ["step", "'steps'"]),
        (["--sweep", "penalty=r1,dragn"], ["penalty", "'dragn'", "'dragan'"]),
        (["--sweep", "seeds=1,2"], ["seeds", "--seeds"]),
        (["--sweep", "steps=1,2"], ["steps", "whole run"]),
        (["--seeds", "a:b"], ["seeds", "0:16"]),
        (["missing.toml"], ["missing.toml", "no such file"]),
        (["broken.toml"], ["broken.toml", "not a TOML file"]),
        (["-s", "device=tpu"], ["device", "'tpu'", "cuda:N"]),
        (["-s", "data=folder", "-s", "data.path=nowhere"], ["nowhere"]),
        (["-s", "discriminator.norm=batch", "-s", "penalty=r1"], ["discriminator.features.norm1", "penalty=none"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_refusals_are_one_message_status_2_and_no_folder(tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.toml").write_text("a = = 1")
    result = nash("train", *arguments, expect=2)
    assert result.stderr.startswith("error: ")
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "runs").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there_is_refused_and_auto_does_not_ask_for_one(tmp_path):
    said = nash("train", *flags("device=cuda"), "--out", tmp_path / "a", expect=2).stderr
    assert "no usable GPU" in said
    assert "device=cpu" in said
    nash("train", *flags("device=auto", "steps=1"), "--out", tmp_path / "b")
    assert tomllib.loads((tmp_path / "b" / "config.toml").read_text())["device"] == "cpu"


def test_without_a_compiler_it_says_so_and_stays_eager(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    said = nash("train", *flags("compile=auto", "steps=2"), "--out", tmp_path / "a").stderr
    assert "eager: no C++ compiler was found" in said
    assert tomllib.loads((tmp_path / "a" / "config.toml").read_text())["compile"] == "off"
    refused = nash("train", *flags("compile=on"), "--out", tmp_path / "b", expect=2).stderr
    assert "compile=on: no C++ compiler was found" in refused


def test_a_short_run_stays_eager_and_the_faster_way_is_measured_and_recorded(tmp_path):
    said = nash("train", *flags("compile=auto", "stack=auto"), "--seeds", "0:2", "--out", tmp_path / "a").stderr
    assert "compiling would not pay" in said
    assert "times faster than" in said
    config = tomllib.loads((tmp_path / "a" / "config.toml").read_text())
    assert config["compile"] == "off"
    assert config["stack"] in ("on", "off")
    ways = json.loads((tmp_path / "a" / "run.json").read_text())["programs"]
    assert [way["mode"] for way in ways] == [{"on": "stacked", "off": "looped"}[config["stack"]]]


def test_a_second_interrupt_quits_at_once(tmp_path, monkeypatch):
    interrupt_after(monkeypatch, 2)
    monkeypatch.setattr(Session, "checkpoint", lambda self: signal.raise_signal(signal.SIGINT))
    nash("train", *flags(), "--out", tmp_path / "run", expect=130)


def test_a_diverged_member_is_told_and_does_not_fail_the_run(tmp_path):
    rule = ["-s", "game=bilinear", "-s", "solver=simultaneous", "-s", "solver.discriminator=sgd", "-s", "steps=20"]
    rule += ["-s", "solver.generator=sgd", "-s", "compile=off", "-s", "stack=off"]
    sweep = ["--sweep", "solver.generator.learning_rate=0.1,1e25"]
    result = nash("train", *rule, *sweep, "--json", "--out", tmp_path / "run")
    assert "member 1 (seed 0) diverged: " in result.stderr
    outcomes = [member["outcome"] for member in json.loads(result.stdout.splitlines()[-1])["members"]]
    assert outcomes[0] == "finished"
    assert outcomes[1].startswith("diverged: ")


@pytest.mark.parametrize("verb", ["train", "list", "sample", "report"])
def test_help_is_complete(verb):
    said = nash(verb, "--help").stdout
    assert verb in nash("--help").stdout
    assert "Usage:" in said
    if verb == "train":
        assert all(option in said for option in ("--set", "--sweep", "--seeds", "--out", "--resume", "--json"))


def test_every_general_setting_has_a_description():
    assert all(field.description for field in General.model_fields.values())
