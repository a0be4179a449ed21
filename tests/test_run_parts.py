"""Parts of a run: exactly the members of the whole, planned once, joined again, started again when they are lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from typer.testing import CliRunner

import nashpath as nash
from nashpath.cli import app
from nashpath.run import RunFolder, SettingError, gather_run, open_session, resume_session
from nashpath.run.folder.checkpoint import read_meta
from nashpath.run.settings.members import plan
from nashpath.run.training.jobs import PartedJob, run_in_processes, submit_to_slurm
from quick_python import process_of

SETTLED = {"stack": "on", "compile": "off", "threads": 1, "device": "cpu"}
SMALL = {
    **SETTLED,
    "seeds": [0, 1, 2, 3],
    "steps": 12,
    "batch_size": 8,
    "latent": 2,
    "evaluation_samples": 40,
    "samples": 8,
    "sample_every": 6,
    "generator": {"kind": "mlp", "width": 4},
    "discriminator": {"kind": "mlp", "width": 4},
}
SWEEP = {"penalty": ["none", "r1"], "solver.generator.learning_rate": [1e-3, 1e-2]}
"""Two structures, and a number in each: sixteen members with the seeds."""


def trained(folder, part="", sweeps=SWEEP, **more):
    session = open_session({**SMALL, "part": part, **more}, sweeps, folder)
    assert session.train() == "finished"
    return folder


def in_parts(folder, count, **more):
    for k in range(1, count + 1):
        trained(folder / "parts" / f"{k}-of-{count}", f"{k}/{count}", **more)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    folder = in_parts(tmp_path_factory.mktemp("parted") / "run", 4)
    gather_run(folder)
    return folder


def rows(folder):
    timed = ("seconds", "train_seconds")
    every = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    plain = [{k: v for k, v in row.items() if k not in timed} for row in every]
    return sorted(plain, key=lambda row: (row["step"], row["member"], sorted(row)))


@pytest.mark.parametrize("count", [1, 2, 3, 5, 16])
def test_parts_share_the_members_out(count):
    """Every member is in one part, with its number; neighbours stay together, and sizes differ by one at most."""
    every = plan(SMALL, SWEEP)
    shares = [plan({**SMALL, "part": f"{k}/{count}"}, SWEEP) for k in range(1, count + 1)]
    assert [member.number for share in shares for member in share] == [member.index for member in every] == [*range(16)]
    assert all([member.index for member in share] == [*range(len(share))] for share in shares)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    for member in (member for share in shares for member in share):
        same = every[member.number]
        assert (member.seed, member.swept) == (same.seed, same.swept)
        assert member.settings.model_copy(update={"part": ""}) == same.settings


@pytest.mark.parametrize("part", ["0/2", "3/2", "1", "a/b", "1/0", "-1/2", "2/4/5"])
def test_what_is_no_part_is_refused(part):
    with pytest.raises(SettingError, match=r"part: .*I/N"):
        plan({**SMALL, "part": part}, {})


def test_an_empty_part_is_refused():
    with pytest.raises(SettingError, match="part 1/9 of 4 members is empty"):
        plan({**SMALL, "part": "1/9"}, {})


@pytest.mark.long
def test_gathered_parts_are_the_whole_bit_for_bit(whole, parted):
    """Checkpoint, rows, samples, results: the same numbers under the same names."""
    a, b = (load_file(folder / "checkpoint.safetensors") for folder in (whole, parted))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    assert rows(whole) == rows(parted)
    files = [sorted(file.name for file in (folder / "samples").iterdir()) for folder in (whole, parted)]
    assert files[0] == files[1]
    for name in files[0]:
        with np.load(whole / "samples" / name) as x, np.load(parted / "samples" / name) as y:
            assert set(x.files) <= set(y.files)  # each part shows some of its own
            assert all(np.array_equal(x[key], y[key]) for key in x.files)
    entries = [json.loads((folder / "members.json").read_text()) for folder in (whole, parted)]
    assert entries[0] == entries[1]


@pytest.mark.long
def test_a_gathered_run_is_a_run_like_any_other(whole, parted, tmp_path):
    """It is reported, sampled, loaded and gone on with; its files are as their digests say."""
    folder = tmp_path / "run"
    shutil.copytree(parted, folder)
    store = RunFolder(folder)
    assert not store.digests.missing()
    assert not any(store.digests.fault(name) for name in ("checkpoint.safetensors", "members.json", "run.json"))
    sheet = tmp_path / "sheet.png"
    for command in (["report", folder], ["sample", folder, "--member", "13", "-n", "3", "--out", sheet]):
        result = CliRunner().invoke(app, list(map(str, command)))
        assert result.exit_code == 0, result.output
    assert nash.load(folder, 13).seed == 1
    about = [read_meta(RunFolder(place))["about_data"] for place in (whole, folder)]
    assert about[0] == about[1]
    shutil.rmtree(folder / "parts")
    session = resume_session(folder, [("steps", 18)])
    assert session.train() == "finished"
    assert session.taken == 18


@pytest.mark.long
def test_a_gathered_run_goes_on_as_the_whole_does(whole, parted, tmp_path):
    found = []
    for folder in (whole, parted):
        shutil.copytree(folder, tmp_path / folder.parent.name)
        session = resume_session(tmp_path / folder.parent.name, [("steps", 15)])
        session.train()
        found.append(load_file(session.store.checkpoint))
    assert all(torch.equal(found[0][key], found[1][key]) for key in found[0])


@pytest.mark.long
def test_what_cannot_be_gathered_says_why(parted, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(parted / "parts", folder / "parts")
    shutil.rmtree(folder / "parts" / "3-of-4")
    with pytest.raises(SettingError, match="part 3/4 is missing; train it with --part 3/4"):
        gather_run(folder)
    trained(folder / "parts" / "3-of-4", "3/4", steps=11)
    with pytest.raises(SettingError, match="different numbers of steps"):
        gather_run(folder)
    shutil.rmtree(folder / "parts" / "3-of-4")
    trained(folder / "parts" / "3-of-4", "3/4", batch_size=9)
    with pytest.raises(SettingError, match=r"no part of the run .* batch_size was 8, is 9|batch_size was 9, is 8"):
        gather_run(folder)
    with pytest.raises(SettingError, match="is a whole run"):
        gather_run(tmp_path / "x", [parted])
    with pytest.raises(SettingError, match="has no parts"):
        gather_run(tmp_path / "none")
    assert not (folder / "config.toml").exists()


def test_a_part_that_is_damaged_or_not_finished_is_not_gathered(parted, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(parted / "parts", folder / "parts")
    place = folder / "parts" / "2-of-4"
    content = (place / "members.json").read_text()
    (place / "members.json").write_text(content.replace('"seed": 0', '"seed": 9', 1))
    with pytest.raises(SettingError, match=r"members\.json"):
        gather_run(folder)
    (place / "members.json").write_text(content)
    record = json.loads((place / "run.json").read_text())
    RunFolder(place).write_json("run.json", {**record, "status": "stopped", "steps": 4})
    with pytest.raises(SettingError, match="is stopped at step 4; go on with: nashpath train --resume"):
        gather_run(folder)


@pytest.mark.long
def test_only_an_earlier_gathering_of_the_same_parts_is_written_over(whole, parted, tmp_path):
    """Not what was trained on since, nor another run, nor a flow; `train --on` asks before it trains."""
    folder = tmp_path / "run"
    shutil.copytree(parted, folder)
    gather_run(folder)  # nothing is lost
    resume_session(folder, [("steps", 15)]).train()
    before = (folder / "checkpoint.safetensors").read_bytes()
    again = ("train", *FAST, "--seeds", "0:4", "--on", "processes", "--parts", "4", "--out", folder, "--quiet")
    for refused in (command("gather", folder), command(*again)):
        assert refused.exit_code == 2
        assert "at step 15, and its parts end at step 12" in " ".join(refused.output.split())
    assert (folder / "checkpoint.safetensors").read_bytes() == before
    other = tmp_path / "other"
    shutil.copytree(whole, other)
    with pytest.raises(SettingError, match="was not gathered of parts; nothing was written over"):
        gather_run(other, sorted((parted / "parts").glob("*-of-*")))
    there = command(*again[:-2], other)
    assert there.exit_code == 2
    assert "none that was gathered of these parts" in " ".join(there.output.split())
    assert not (other / "parts").exists()
    store = RunFolder(other)
    store.create({**store.read_config(), "batch_size": 9})
    with pytest.raises(SettingError, match="holds another run than that of these parts: batch_size was 9, is 8"):
        gather_run(other, sorted((parted / "parts").glob("*-of-*")))
    store.create({"flow": "monoflow"})
    with pytest.raises(SettingError, match="holds a flow"):
        gather_run(other, sorted((parted / "parts").glob("*-of-*")))


@pytest.mark.long
def test_a_gathering_that_was_killed_is_made_again(parted, tmp_path, monkeypatch):
    """Wherever it was: what it has written is known for its own."""
    parts = sorted((parted / "parts").glob("*-of-*"))
    for name in ("append", "write_arrays", "write_checkpoint"):
        with monkeypatch.context() as patched:
            patched.setattr(RunFolder, name, lambda *given, **more: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                gather_run(tmp_path / name, parts)
        gather_run(tmp_path / name, parts)
        assert json.loads((tmp_path / name / "run.json").read_text())["status"] == "finished"


FAST = ("-s", "steps=4", "-s", "batch_size=4", "-s", "latent=2", "-s", "evaluation_samples=8", "-s", "device=cpu")


def command(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.mark.long
def test_the_first_part_chooses_for_all(tmp_path):
    """Stack, compile and threads are measured once; a part of another run, or in other parts, is refused."""
    given = ("train", *FAST, "--seeds", "0:4", "--quiet", "--out", tmp_path / "run")
    first = command(*given, "--part", "1/2")
    assert first.exit_code == 0, first.output
    known = json.loads((tmp_path / "run" / "parts" / "plan.json").read_text())
    assert known["chosen"].keys() == {"stack", "compile", "threads", "start_digest"}
    assert "auto" not in known["chosen"].values()
    known["chosen"]["stack"] = "off"
    (tmp_path / "run" / "parts" / "plan.json").write_text(json.dumps(known))
    assert command(*given, "--part", "2/2").exit_code == 0
    assert RunFolder(tmp_path / "run" / "parts" / "2-of-2").read_config()["stack"] == "off"
    other = command(*given, "-s", "batch_size=5", "--part", "2/2")
    assert (other.exit_code, "batch_size is 4 there, 5 here" in other.output) == (2, True), other.output
    third = command(*given, "--part", "3/3")
    assert (third.exit_code, "in 2 parts there, not 3" in third.output) == (2, True), third.output
    again = command("train", "--resume", "--part", "2/2", "--out", tmp_path / "run", "--quiet")
    assert again.exit_code == 0, again.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--part", "1/2"), "--part needs the folder of the whole run: --out"),
        (("--part", "x", "--out", "run"), "--part x: expected I/N"),
        (("--on", "cluster", "--out", "run"), "--on cluster: expected processes, slurm or ray"),
        (("--parts", "2", "--out", "run"), "expected processes, slurm or ray"),
        (("--on", "processes"), "--on processes needs the folder"),
        (("--on", "processes", "--out", "run", "--sbatch", "x"), "--sbatch is for --on slurm"),
        (("--on", "processes", "--out", "run", "--part", "1/2"), "leave out 1/2"),
        (("--on", "processes", "--out", "run", "--resume"), "leave out --resume"),
        (("--on", "slurm", "--out", "run"), "there is no sbatch here; the job is in"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "")
    result = command("train", *FAST, "--seeds", "0:4", *arguments)
    assert result.exit_code == 2, result.output
    assert message in result.output.replace("\n", " ")
    assert not (tmp_path / "run" / "config.toml").exists()


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_all_parts_at_once_and_gathered(tmp_path):
    """The real processes; the same command again has nothing left to do."""
    given = ("train", *FAST, "--seeds", "0:3", "--on", "processes", "--parts", "2", "--out", tmp_path / "run")
    for _ in range(2):
        result = command(*given)
        assert result.exit_code == 0, result.output
        assert result.stdout.strip().endswith("report.html")
    assert len(json.loads((tmp_path / "run" / "members.json").read_text())) == 3


FAKE = """
import json, os, pathlib, sys, time
part = sys.argv[sys.argv.index("--part") + 1]
out = pathlib.Path(sys.argv[sys.argv.index("--out") + 1]) / "parts"
told = out / (part.replace("/", "-") + ".calls")
told.write_text(told.read_text() + " ".join(sys.argv[1:]) + "\\n" if told.exists() else " ".join(sys.argv[1:]) + "\\n")
calls = len(told.read_text().splitlines())
folder = out / part.replace("/", "-of-")
folder.mkdir(exist_ok=True)
(folder / "config.toml").write_text("")
print("killed by somebody" if calls <= LOST else "done")
if calls <= LOST and part == "2/3" and STATUS == "kill the worker":
    os.kill(os.getppid(), 9)
    time.sleep(300)
sys.exit(STATUS if calls <= LOST and part == "2/3" else 0)
"""


@pytest.fixture
def fake(tmp_path):
    def made(lost, status):
        file = tmp_path / "python"
        file.write_text(f"#!{sys.executable}\nLOST, STATUS = {lost}, {status!r}\n{FAKE}")
        file.chmod(0o755)
        return str(file)

    return made


def calls(folder, part):
    return (folder / "parts" / f"{part}-3.calls").read_text().splitlines()


def test_a_part_that_is_lost_is_started_again_where_it_was(tmp_path, fake):
    said = []
    job = PartedJob(tmp_path / "run", 3, ("-s", "steps=3"), python=fake(lost=2, status=9))
    assert run_in_processes(job, said.append, lambda: False) == []
    assert [("--resume" in call) for call in calls(tmp_path / "run", 2)] == [False, True, True]
    assert len(calls(tmp_path / "run", 1)) == 1
    assert "part 2/3 ended with status 9 (killed by somebody); it is started again" in said


@pytest.mark.long
def test_a_part_that_is_killed_in_training_goes_on_and_ends_where_it_would_have(tmp_path, quick_python):
    settled = ["-s", "stack=off", "-s", "compile=off", "-s", "threads=1"]
    given = ["train", *FAST, *settled, "-s", "checkpoint_every=5", "-s", "steps=300", "--seeds", "0:2"]
    job = subprocess.Popen(
        [sys.executable, "-m", "nashpath", *given, "--out", tmp_path / "run", "--on", "processes", "--parts", "2"],
        stderr=subprocess.PIPE,
        text=True,
    )
    begun = time.monotonic()
    while not (tmp_path / "run/parts/2-of-2/checkpoint.safetensors").exists() and time.monotonic() - begun < 90:
        time.sleep(0.02)
    os.kill(process_of(quick_python, "2/2"), signal.SIGKILL)
    _, said = job.communicate(timeout=120)
    assert "part 2/2 ended with status -9" in said
    assert command(*given, "--out", tmp_path / "whole").exit_code == 0
    found, whole = (json.loads((tmp_path / name / "members.json").read_text()) for name in ("run", "whole"))
    assert found == whole


@pytest.mark.parametrize(("lost", "status", "tries"), [(99, 9, 4), (99, 2, 1)])
def test_a_part_that_cannot_be_trained_is_given_up(tmp_path, fake, lost, status, tries):
    """After some tries, and at once where its settings are refused (status 2); the others are trained."""
    job = PartedJob(tmp_path / "run", 3, (), python=fake(lost, status))
    failed = run_in_processes(job, lambda text: None, lambda: False)
    assert failed == ["part 2/3: killed by somebody"]
    assert len(calls(tmp_path / "run", 2)) == tries
    assert len(calls(tmp_path / "run", 3)) == 1


SBATCH = """
import os, re, subprocess, sys
text = open(sys.argv[1]).read()
options = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(.*))?$", text, re.M))
assert text.startswith("#!/bin/sh\\n")
first, last = map(int, options["array"].split("-"))
assert options["signal"] == "B:TERM@120" and "requeue" in options and options["partition"] == "small"
for task in range(first, last + 1):
    own = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_ARRAY_JOB_ID": "7"}
    subprocess.run(["sh", sys.argv[1]], env={**os.environ, **own}, check=True)
print("Submitted batch job 7")
"""


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """The programs of a cluster: its queue runs what it is given at once."""
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "sbatch").write_text(f"#!{sys.executable}\n{SBATCH}")
    (tools / "scontrol").write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/requeued\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return tools


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_the_job_of_a_cluster_evaluates_every_part(tmp_path, tools):
    trained(tmp_path / "a run")
    given = ("evaluate", tmp_path / "a run", "--metrics", "prdc", "--samples", "40")
    result = command(*given, "--on", "slurm", "--parts", "2", "--sbatch", "--partition=small")
    assert result.exit_code == 0, result.output
    assert command("gather", tmp_path / "a run" / "evaluation").exit_code == 0
    joined = (tmp_path / "a run" / "evaluation.json").read_text()
    assert command(*given).exit_code == 0
    assert joined == (tmp_path / "a run" / "evaluation.json").read_text()


@pytest.mark.usefixtures("quick_python")
def test_the_job_of_a_cluster_trains_every_part(tmp_path, tools):
    """The script, as a queue reads and runs it: its options parse, each task trains its part or goes on with it."""
    given = ("train", *FAST, "--seeds", "0:2", "--on", "slurm", "--parts", "2", "--sbatch", "--partition=small")
    result = command(*given, "--out", tmp_path / "a run")
    assert result.exit_code == 0, result.output
    assert "Submitted batch job 7" in result.stdout
    assert command("gather", tmp_path / "a run").exit_code == 0
    assert not (tmp_path / "requeued").exists()
    record = tmp_path / "a run" / "parts" / "1-of-2" / "run.json"
    record.write_text(record.read_text().replace('"finished"', '"stopped"'))
    (tools / "python").write_text("#!/bin/sh\nexit 0\n")
    job = (tmp_path / "a run" / "parts" / "job.sh").read_text().replace(sys.executable, str(tools / "python"))
    (tools / "python").chmod(0o755)
    (tmp_path / "job.sh").write_text(job)
    own = {**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_JOB_ID": "7"}
    subprocess.run(["sh", tmp_path / "job.sh"], env=own, check=True)
    assert Path(tmp_path / "requeued").read_text() == "requeue 7_1\n"


def test_a_part_that_halts_is_not_asked_for_again(tmp_path):
    """With on_divergence=stop the first that diverges is the end: resuming takes no step, here or in a queue."""
    rates = {"solver.generator.learning_rate": [1e30], "solver.discriminator.learning_rate": [1e30]}
    for k in (1, 2):
        place = tmp_path / "parts" / f"{k}-of-2"
        session = open_session({**SMALL, "part": f"{k}/2", "on_divergence": "stop"}, rates, place)
        assert session.train() == "halted"
    assert json.loads((place / "run.json").read_text())["status"] == "halted"
    assert resume_session(place, []).train() == "halted"
    told = command("train", "--resume", "--out", place, "--quiet").stderr
    assert "on_divergence=stop" in told
    assert "continue with" not in told
    with pytest.raises(SettingError, match=r"ended at step \d+, since a member diverged \(on_divergence=stop\)"):
        gather_run(tmp_path)


def queued(tmp_path, tools, kind, status, times):
    """How often a task is put back in line whose part, of a training, is of this kind and ends with that status."""
    (tmp_path / "run" / "parts" / "1-of-1").mkdir(parents=True)
    (tmp_path / "run" / "parts" / "1-of-1" / "run.json").write_text(json.dumps({"status": kind}, indent=1))
    (tools / "python").write_text(f"#!/bin/sh\nexit {status}\n")
    (tools / "python").chmod(0o755)
    (tools / "sbatch").write_text("#!/bin/sh\n")
    submit_to_slurm(PartedJob(tmp_path / "run", 1, (), python=str(tools / "python")), [])
    own = {**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_JOB_ID": "7"}
    for _ in range(times):
        subprocess.run(["sh", tmp_path / "run" / "parts" / "job.sh"], env=own, check=False)
    return len((tmp_path / "requeued").read_text().splitlines()) if (tmp_path / "requeued").exists() else 0


@pytest.mark.parametrize(
    ("kind", "status", "back"),
    [
        ("stopped", 0, 6),
        ("stopped", 3, 3),
        ("running", 137, 3),
        ("halted", 0, 0),
        ("finished", 0, 0),
        ("stopped", 2, 0),
    ],
)
def test_a_queue_gives_a_part_up_that_only_fails(tmp_path, tools, kind, status, back):
    """A part whose time is over is put back as often as that is so; one that fails as often as here; one that is done,
    halted or refused never."""
    assert queued(tmp_path, tools, kind, status, 6) == back


@pytest.fixture(params=["dash", "bash", "bash as sh"])
def shell(request, tmp_path):
    """What may be ``/bin/sh`` on the machine of a queue."""
    found = shutil.which(request.param.split()[0])
    if found is None:
        pytest.skip(f"there is no {request.param}")
    if request.param != "bash as sh":
        return found
    (tmp_path / "sh").symlink_to(found)
    return str(tmp_path / "sh")


@pytest.fixture
def task(tmp_path, tools, shell):
    """The task of a queue whose one part is the lines of a shell script."""

    def begun(part):
        (tmp_path / "run" / "parts" / "1-of-1").mkdir(parents=True)
        for file, text in (("python", part), ("sbatch", "")):
            (tools / file).write_text(f"#!/bin/sh\n{text}\n")
            (tools / file).chmod(0o755)
        submit_to_slurm(PartedJob(tmp_path / "run", 1, (), python=str(tools / "python")), [])
        own = {**os.environ, "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_JOB_ID": "7"}
        line = [shell, tmp_path / "run" / "parts" / "job.sh"]
        return subprocess.Popen(line, env=own, stderr=subprocess.PIPE, text=True)

    return begun


@pytest.mark.parametrize("status", [0, 2, 3, 143])
def test_a_task_ends_as_its_part_does_under_every_shell(task, status):
    """bash forgets a process that was waited for where it is called sh: all parts ended in 127."""
    process = task(f"exit {status}")
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == status


@pytest.mark.long(first=True)
def test_a_task_that_is_told_to_stop_waits_for_its_part_under_every_shell(task, tmp_path):
    """The part is told, too, and takes a while to end; a task that is told twice waits all the same."""
    ready, ended = tmp_path / "ready", tmp_path / "ended"
    process = task(f"""trap 'sleep 0.5; touch "{ended}"; exit 5' TERM; touch "{ready}"; while :; do sleep 0.05; done""")
    while not ready.exists():
        time.sleep(0.02)
    for _ in range(2):
        process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 5
    assert ended.exists()


RAY = """
import pathlib, sys
from nashpath.run.training.jobs import PartedJob, run_on_ray
said, job = [], PartedJob(pathlib.Path(sys.argv[1]), 3, ("-s", "steps=3"), python=sys.argv[2])
print(run_on_ray(job, said.append, lambda: False), sorted(said))
"""


@pytest.mark.parametrize(
    ("lost", "status", "told", "tries"),
    [
        (2, 9, "[] ['part 1/3 has ended', 'part 2/3 has ended', 'part 3/3 has ended']", 3),
        (1, "kill the worker", "[] ['part 1/3 has ended', 'part 2/3 has ended', 'part 3/3 has ended']", 2),
        (99, 2, "['part 2/3: killed by somebody'] ['part 1/3 has ended', 'part 3/3 has ended']", 1),
    ],
)
def test_a_part_that_ray_loses_is_started_again_where_it_was(tmp_path, fake, lost, status, told, tries):
    """The parts are stand-ins; `test_all_parts_on_ray` trains. A part that is refused (status 2) is not tried again."""
    pytest.importorskip("ray")
    (tmp_path / "job.py").write_text(RAY)
    line = [sys.executable, tmp_path / "job.py", tmp_path / "run", fake(lost, status)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=200)
    assert done.stdout.strip().splitlines()[-1:] == [told], done.stderr
    assert len(calls(tmp_path / "run", 2)) == tries


def test_all_parts_on_ray(tmp_path):
    pytest.importorskip("ray")
    settled = ["-s", "stack=off", "-s", "compile=off", "-s", "threads=1"]  # or rounding hangs on what is faster today
    given = ["train", *FAST, *settled, "--seeds", "0:3", "--quiet", "--out"]
    alone = subprocess.run([sys.executable, "-m", "nashpath", *map(str, given), tmp_path / "alone"], timeout=200)
    there = subprocess.run(
        [sys.executable, "-m", "nashpath", *map(str, given), tmp_path / "run", "--on", "ray", "--parts", "2"],
        timeout=200,
    )
    assert alone.returncode == there.returncode == 0
    found, whole = (json.loads((tmp_path / name / "members.json").read_text()) for name in ("run", "alone"))
    assert found == whole


def test_without_ray_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    result = command("train", *FAST, "--seeds", "0:2", "--on", "ray", "--parts", "2", "--out", tmp_path / "run")
    assert result.exit_code == 2
    assert 'pip install "nashpath[ray]"' in result.output


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_a_reproduction_in_parts_is_that_of_one_process(tmp_path):
    """Cells in two processes, gathered."""
    study = str(Path(__file__).parents[1] / "examples" / "own_study.py")
    given = ["reproduce", study, "--quick", "-s", "seeds=1", "-s", "steps=3"]
    whole = command(*given, "--workers", "1", "--out", tmp_path / "one")
    assert whole.exit_code == 0, whole.output
    result = command(*given, "--on", "processes", "--parts", "2", "--out", tmp_path / "both")
    assert result.exit_code == 0, result.output
    cells = [
        sorted(p.name for p in (tmp_path / where).rglob("cells/*")) for where in ("one", "both/penalty-on-the-ring")
    ]
    assert cells[0]
    assert cells[0] == cells[1]
    found = [
        json.loads((tmp_path / where / "penalty-on-the-ring" / "study.json").read_text()) for where in ("one", "both")
    ]
    assert found[0]["claims"] == found[1]["claims"]
    refused = command(*given, "--on", "processes", "--part", "1/2", "--out", tmp_path / "both")
    assert "leave out 1/2" in refused.output
