"""A command that is killed at any moment loses nothing: what goes on from there equals what was never stopped.

``NASHPATH_FAULTS=N`` asks for N kills (`make faults`); the tests of every day make a bounded number.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from run_folders import assert_same_run, flags

KILLS = int(os.environ.get("NASHPATH_FAULTS", "3"))
OWN = Path(__file__).parents[2] / "examples" / "own_study.py"
OFTEN = ("checkpoint_every=5", "steps=16")
TRAIN = {
    "solo": flags(*OFTEN, "penalty=dragan"),
    "stacked": [*flags(*OFTEN, "stack=on"), "--seeds", "0:2"],
    "average": flags(*OFTEN, "average=ema"),
    "batch norm": flags(*OFTEN, "generator.norm=batch"),
}
JOBS = [*TRAIN, *TRAIN, "flow", "reproduce", "evaluate"]
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)


class Commands:
    """Commands in processes that may be killed."""

    def __init__(self):
        command = [sys.executable, str(Path(__file__).with_name("killable.py"))]
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, *arguments, **task):
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps({"argv": [str(one) for one in arguments], **task}) + "\n")
        self.server.stdin.flush()
        answer = json.loads(self.server.stdout.readline())
        assert "Traceback" not in answer["said"], answer["said"]
        return answer


@pytest.fixture(scope="module")
def commands():
    found = Commands()
    yield found
    found.server.communicate(timeout=30)


def command_of(job, folder, trained):
    if job == "flow":
        few = ("particles=50", "steps=12", "samples=20", "evaluation_samples=20", "discriminator.width=4")
        few += ("ratio.warm_up=10", "checkpoint_every=4")
        return ["flow", *(part for one in few for part in ("-s", one)), "--out", folder]
    if job == "reproduce":
        return ["reproduce", OWN, "--quick", "-s", "seeds=1", "-s", "steps=2", "--workers", 1, "--out", folder]
    if job == "evaluate":
        if not folder.exists():
            shutil.copytree(trained, folder)
        return ["evaluate", folder, "--samples", 32, "--metrics", "modes"]
    return ["train", *TRAIN[job], "--out", folder]


def is_begun(job, folder):
    """Whether there is a run to resume; the other verbs are given again as they were."""
    return (job in TRAIN or job == "flow") and (folder / "config.toml").exists()


def resume_of(job, folder):
    return ["flow" if job == "flow" else "train", "--resume", "--out", folder]


def assert_same(job, folder, whole):
    if job in TRAIN or job == "flow":
        assert_same_run(folder, whole)
    elif job == "evaluate":
        assert json.loads((folder / "evaluation.json").read_text())["groups"] == whole_groups(whole)
    else:
        cells = [sorted(place.rglob("cells/*.json")) for place in (folder, whole)]
        assert [file.name for file in cells[0]] == [file.name for file in cells[1]] != []
        for one, other in zip(*cells):
            assert json.loads(one.read_text())["rows"] == json.loads(other.read_text())["rows"]
        claims = [json.loads(next(place.rglob("study.json")).read_text())["claims"] for place in (folder, whole)]
        assert claims[0] == claims[1]


def whole_groups(whole):
    return json.loads((whole / "evaluation.json").read_text())["groups"]


def go_on(job, commands, folder, trained):
    """What a user does next."""
    if is_begun(job, folder):
        return commands(*resume_of(job, folder))
    return commands(*command_of(job, folder, trained))


@pytest.mark.long
def test_what_is_killed_anywhere_goes_on_as_if_nothing_had_been(commands, tmp_path):
    rng, whole, points = random.Random(int(os.environ.get("NASHPATH_FAULTS_SEED", "0"))), {}, {}
    for job in dict.fromkeys(["solo", *(JOBS[trial % len(JOBS)] for trial in range(KILLS))]):
        whole[job] = tmp_path / f"whole {job}"
        answer = commands(*command_of(job, whole[job], tmp_path / "whole solo"))
        assert answer["status"] == 0, answer["said"]
        points[job] = answer["points"]
    for trial in range(KILLS):
        job, folder = JOBS[trial % len(JOBS)], tmp_path / f"killed {trial}"
        number = rng.choice(SIGNALS)
        point = 0
        for _ in range(rng.choice((1, 1, 2))):  # killed once, or while it goes on
            first = not is_begun(job, folder)
            begun = command_of(job, folder, tmp_path / "whole solo") if first else resume_of(job, folder)
            point = rng.randint(1, max(2, points[job] if first else points[job] // 3))
            answer = commands(*begun, point=point, signal=int(number))
            assert answer["status"] in (0, -int(number), 130), (job, point, number, answer)
        answer = go_on(job, commands, folder, tmp_path / "whole solo")
        told = f"trial {trial}: {job}, {signal.Signals(number).name} at point {point}"
        assert answer["status"] == 0, (told, answer["said"])
        try:
            assert_same(job, folder, whole[job])
        except AssertionError as error:
            raise AssertionError(f"{told}; then: {answer['said']}") from error
        left = [
            file.name for file in folder.rglob("*") if file.name.endswith((".tmp", ".part")) or file.name == ".lock"
        ]
        assert left == [], told
        shutil.rmtree(folder)


@pytest.mark.parametrize("seconds", [0.02, 0.12])
def test_killed_at_any_time(commands, tmp_path, seconds):
    """Not at a point of writing: wherever the process happens to be."""
    for trial in range(max(1, KILLS // 40)):
        folder, whole = tmp_path / f"killed {trial}", tmp_path / "whole"
        if not whole.exists():
            commands("train", *TRAIN["solo"], "--out", whole)
        commands("train", *TRAIN["solo"], "--out", folder, seconds=seconds * (1 + trial / 10))
        assert go_on("solo", commands, folder, folder)["status"] == 0
        assert_same_run(folder, whole)
