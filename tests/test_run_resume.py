"""A resumed run equals the uninterrupted one bit for bit, wherever it was stopped, by the real command."""

import os
import signal
import subprocess
import sys
import time

import pytest

from run_folders import assert_same_run, flags, interrupt_after, members, nash, rows, tensors

ADAM_EMA = ("penalty=dragan", "average=ema", "solver.generator.schedule=power", "constraint=clip")
RUNS = {
    "looped": [*flags(*ADAM_EMA), "--seeds", "0:2"],
    "stacked": [*flags("stack=on", *ADAM_EMA), "--seeds", "0:2", "--sweep", "penalty.weight=0.1,1"],
    "convolutional": flags("data=digits", "discriminator=dcgan", "discriminator.norm=spectral", "steps=8", "latent=4"),
    "structures": [*flags("technique=historical_averaging"), "--sweep", "solver=extragradient,optimistic"],
    "conditional": [
        *flags("game=conditional", "game.head=adcgan", "data=digits", "generator=mlp", "discriminator=mlp", "stack=on"),
        *("-s", "generator.norm=batch", "-s", "average=ema", "--sweep", "game.class_weight=0.5,1"),
    ],
    "noisy": flags("discriminator=noisy_mlp", "solver.discriminator=momentum", "solver.generator=rmsprop"),
}
STOPS = [
    ("looped", 1),
    ("looped", 13),
    ("looped", 16),
    ("looped", 12),
    ("stacked", 7),
    ("stacked", 12),
    ("stacked", 20),
]
STOPS += [
    ("conditional", 7),
    pytest.param("conditional", 13, marks=pytest.mark.thorough("a stack is stopped in its second block above")),
    ("convolutional", 3),
    pytest.param("structures", 6, marks=pytest.mark.thorough("stopped in a block, as at 4 and 39")),
    ("structures", 4),
    ("structures", 39),
    ("noisy", 11),
]
"""After how many steps of programs (looped: of two members together; structures: of both programs in turn)."""


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """``of(name)``: the folder of a run that nobody stopped."""
    found = {}

    def of(name):
        if name not in found:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("nashpath.run.engine.sampler.BLOCK_STEPS", 8)
                found[name] = tmp_path_factory.mktemp(name) / "run"
                nash("train", *RUNS[name], "--out", found[name])
        return found[name]

    return of


@pytest.mark.long
@pytest.mark.parametrize(("name", "stop"), STOPS)
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(tmp_path, monkeypatch, uninterrupted, name, stop):
    whole, run = uninterrupted(name), tmp_path / "run"
    monkeypatch.setattr("nashpath.run.engine.sampler.BLOCK_STEPS", 8)
    with monkeypatch.context() as patch:
        interrupt_after(patch, stop)
        said = nash("train", *RUNS[name], "--out", run).stderr
    if not (name == "stacked" and stop == 20):
        assert "stopped at step" in said
        assert f"--resume --out {run}" in said
        assert {member["outcome"] for member in members(run)} == {"stopped"}
    nash("train", "--resume", "--out", run)
    assert_same_run(run, whole)
    assert {member["outcome"] for member in members(run)} == {"finished"}


@pytest.mark.long
def test_a_run_may_be_stopped_and_resumed_again_and_again(tmp_path, monkeypatch, uninterrupted):
    monkeypatch.setattr("nashpath.run.engine.sampler.BLOCK_STEPS", 8)
    run = tmp_path / "run"
    for arguments in ([*RUNS["noisy"], "--out", run], *[["--resume", "--out", run]] * 2):
        with monkeypatch.context() as patch:
            interrupt_after(patch, 6, signal.SIGTERM)
            nash("train", *arguments)
    nash("train", "--resume", run)
    assert_same_run(run, uninterrupted("noisy"))


def test_a_run_stopped_before_its_first_checkpoint_starts_again(tmp_path, uninterrupted, monkeypatch):
    monkeypatch.setattr("nashpath.run.engine.sampler.BLOCK_STEPS", 8)
    run = tmp_path / "run"
    nash("train", *RUNS["noisy"], "-s", "steps=9", "--out", run)
    for later in ("checkpoint.safetensors", "run.json"):  # a killed run has neither
        (run / later).unlink()
    with (run / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "mem')
    nash("train", "--resume", "--out", run, "-s", "steps=20")
    assert_same_run(run, uninterrupted("noisy"))


def test_a_finished_run_may_be_continued_to_more_steps(tmp_path, uninterrupted, monkeypatch):
    monkeypatch.setattr("nashpath.run.engine.sampler.BLOCK_STEPS", 8)
    run = tmp_path / "run"
    nash("train", *RUNS["noisy"], "-s", "steps=12", "--out", run)
    nash("train", "--resume", "--out", run, "-s", "steps=20")
    whole = uninterrupted("noisy")
    assert {k: v.tobytes() for k, v in tensors(run).items()} == {k: v.tobytes() for k, v in tensors(whole).items()}


KILLED = """
import os, signal, sys
from nashpath.run.engine.program import Program
take, done = Program._take, []
def counted(self, *given):
    steps = take(self, *given)
    done.append(1)
    if len(done) == 13:
        os.kill(os.getpid(), signal.SIGKILL)
    return steps
Program._take = counted
from nashpath.cli import main
sys.argv = ["nashpath", "train", *sys.argv[1:]]
main()
"""


@pytest.mark.long
def test_a_killed_run_resumes_from_its_last_checkpoint(tmp_path):
    arguments = flags("checkpoint_every=5", *ADAM_EMA)
    killed = subprocess.run([sys.executable, "-c", KILLED, *arguments, "--out", str(tmp_path / "a")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert max(row["step"] for row in rows(tmp_path / "a")) == 12
    (tmp_path / "a" / f".checkpoint.safetensors.{os.getpid()}.tmp").write_bytes(b"half a checkpoint")
    nash("train", "--resume", "--out", tmp_path / "a")
    nash("train", *arguments, "--out", tmp_path / "b")
    assert_same_run(tmp_path / "a", tmp_path / "b")
    assert not list((tmp_path / "a").glob(".*"))


@pytest.mark.usefixtures("quick_python")
def test_control_c_stops_cleanly_after_a_checkpoint(tmp_path):
    run = tmp_path / "run"
    command = [
        sys.executable,
        "-m",
        "nashpath",
        "train",
        *flags("steps=1000000", "sample_every=500000", "log_every=200"),
        "--out",
        str(run),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not (run / "metrics.jsonl").exists() or len((run / "metrics.jsonl").read_text().splitlines()) < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "stopping" in said
    assert "continue with: nashpath train --resume --out" in said
    assert "Traceback" not in said
    assert printed.strip().endswith("report.html")
    assert int(tensors(run)["member0.steps"]) == members(run)[0]["steps"] > 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-s", "penalty=r1"], ["penalty", "keeps its settings", "steps"]),
        (["--seeds", "0:9"], ["seeds", "keeps its settings"]),
        (["--sweep", "penalty.weight=1,2"], ["--sweep", "keeps its members"]),
        (["other.toml"], ["config.toml", "leave out other.toml"]),
    ],
)
def test_a_resumed_run_keeps_its_settings(uninterrupted, arguments, words):
    said = nash("train", "--resume", "--out", uninterrupted("noisy"), *arguments, expect=2).stderr
    assert all(word in said for word in words), said


def test_there_must_be_a_run_to_resume(tmp_path):
    assert "holds no run to resume" in nash("train", "--resume", "--out", tmp_path / "none", expect=2).stderr
    assert "needs the run folder" in nash("train", "--resume", expect=2).stderr
