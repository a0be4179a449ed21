"""Places that take no file (a full disk, one that can only be read), and an output that takes no letter."""

import errno
import os
import shlex
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.cli.console import guarded
from nashpath.cli.features import features
from nashpath.core.cache import append_lines, replacing
from nashpath.report import load_run, run_headline
from nashpath.run.folder import run_folder
from nashpath.run.folder.lock import LOCK, FolderLock
from run_folders import files_of_at_most, flags, nash

STUDY = Path(__file__).parents[1] / "examples" / "own_study.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("places") / "run"
    nash("train", *flags("steps=4"), "--out", folder)
    return folder


@pytest.fixture
def refusing(monkeypatch):
    """From the call on no folder can be locked: of a full disk that is what fails first."""

    def begin(number):
        def refuse(*_):
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "pwrite", refuse)

    return begin


REFUSALS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "no file may become so large here",
    errno.EROFS: "the place can only be read",
    errno.EACCES: "permission is denied",
}


@pytest.mark.parametrize("number", REFUSALS, ids=lambda number: errno.errorcode[number])
def test_a_place_that_takes_no_file_is_named_with_the_reason_and_nothing_stays(run, tmp_path, refusing, number):
    refusing(number)
    told = nash("train", "--resume", "--out", run, "-s", "steps=6", expect=2).stderr
    assert f"{run}: {REFUSALS[number]}, " in told
    assert f"nashpath train --resume --out {run}" in told
    assert REFUSALS[number] in nash("train", *flags(), "--out", tmp_path / "new", expect=2).stderr
    assert not (run / LOCK).exists()
    assert not (tmp_path / "new").exists()
    with pytest.raises(OSError, match=os.strerror(number)) as error:
        FolderLock(tmp_path / "other")
    assert error.value.filename == str(tmp_path / "other" / LOCK)


@pytest.mark.long
@pytest.mark.parametrize("form", [[], ["--json"]])
@pytest.mark.parametrize(
    ("verb", "file", "number"),
    [
        (["evaluate", "--samples", "50"], "evaluation.json", "sliced_wasserstein"),
        (["diagnose", "--quick"], "diagnosis.npz", "member"),
    ],
)
def test_what_was_measured_is_printed_where_it_cannot_be_written(run, refusing, verb, file, number, form):
    refusing(errno.ENOSPC)
    done = nash(verb[0], run, *verb[1:], *form, expect=2)
    assert number in done.stdout
    told = f"{run}: the disk is full, {file} could not be written; the last checkpoint is kept; make room, then: "
    assert f"{told}the same nashpath {verb[0]} again" in done.stderr
    assert "--resume" not in done.stderr


def full(name):
    """What writes a file, where there is no room for one of this name."""

    @contextmanager
    def refuses(path, *given):
        if path.name == name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        with replacing(path, *given) as file:
            yield file

    return refuses


def _appended(name, path, content):
    if path.name == name:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    return append_lines(path, content)


@pytest.fixture(scope="module")
def parted(tmp_path_factory):
    whole = tmp_path_factory.mktemp("parted") / "run"
    for part in ("1/2", "2/2"):
        nash("train", *flags("steps=4"), "--seeds", "0:2", "--part", part, "--out", whole)
    return whole


QUICK = ("--quick", "-s", "seeds=2", "-s", "steps=4", "--workers", 1)
TOY = [
    *[
        "--objective",
        "distance",
        "--better",
        "lower",
        "--candidates",
        "2",
        "--seeds",
        "0:2",
        "--rungs",
        "1",
        "--confirm",
        "2",
    ]
]
TOY += [*["-s", "game=bilinear", "-s", "steps=5", "--space", "solver.generator.learning_rate=log:0.01:0.1"]]


@pytest.mark.long
def test_the_command_that_is_to_be_said_again_is_the_one_that_writes_the_file(run, parted, tmp_path, monkeypatch):
    """For each file that a verb writes into a run's folder: what resuming the run would not write, it does not name."""
    one, search = tmp_path / "one", tmp_path / "search"
    shutil.copytree(run, one)
    cases = {
        "evaluation.json": (("evaluate", one, "--samples", 50), "the same nashpath evaluate again"),
        "diagnosis.json": (("diagnose", one, "--quick"), "the same nashpath diagnose again"),
        "members.json": (("gather", parted), f"nashpath gather {parted}"),
        "metrics.jsonl": (("search", *TOY, "--out", search), "the same nashpath search again"),
    }
    for file, (line, again) in cases.items():
        with monkeypatch.context() as patched:
            patched.setattr(run_folder, "replacing", full(file))
            patched.setattr(run_folder, "append_lines", partial(_appended, file))
            said = nash(*line, expect=2).stderr
        assert f"{file} could not be written; " in said
        assert said.rstrip().endswith(f"make room, then: {again}")
        nash(*line)


def headline(folder):
    """What became of the run in a folder."""
    return run_headline(load_run(folder)).text.partition(";")[0]


PAGED = {
    "train": lambda at: ("train", *flags("steps=4"), "--out", at / "new"),
    "train, in JSON": lambda at: ("train", *flags("steps=4"), "--json", "--out", at / "new"),
    "train, in parts": lambda at: ("train", *flags("steps=4"), "--on", "processes", "--parts", 1, "--out", at / "new"),
    "resume": lambda at: ("train", "--resume", "-s", "steps=5", "--out", at / "run"),
    "flow": lambda at: ("flow", "-s", "data=ring", "-s", "steps=4", "-s", "particles=50", "--out", at / "new"),
    "gather": lambda at: ("gather", at / "parted"),
    "evaluate": lambda at: ("evaluate", at / "run", "--samples", 50),
    "diagnose": lambda at: ("diagnose", at / "run", "--quick"),
    "reproduce": lambda at: ("reproduce", STUDY, *QUICK, "--out", at / "new"),
}
FOUND = {"evaluate": "sliced_wasserstein", "diagnose": "member 0", "reproduce": "DRAGAN"}


@pytest.mark.long
@pytest.mark.parametrize("verb", PAGED)
def test_what_came_of_it_is_printed_where_its_page_cannot_be_written(run, parted, tmp_path, monkeypatch, verb):
    shutil.copytree(run, tmp_path / "run")
    shutil.copytree(parted, tmp_path / "parted")
    monkeypatch.setattr(run_folder, "replacing", full("report.html"))
    line = PAGED[verb](tmp_path)
    quiet = [] if verb in ("gather", "diagnose") else ["--quiet"]
    done = nash(*line, *quiet, expect=2)
    assert (FOUND.get(verb) or headline(line[-1])) in done.output.replace("\n", " ")
    assert "report.html: the disk is full; make room" in done.stderr
    monkeypatch.undo()
    if verb not in FOUND:
        again = done.stderr.partition("make room, then: nashpath ")[2].splitlines()[0]
        nash(*shlex.split(again))
        assert (Path(line[-1]) / "report.html").exists()


def test_a_file_that_is_replaced_is_named_where_it_cannot_be_written(tmp_path):
    with files_of_at_most(10), pytest.raises(OSError, match="too large") as error, replacing(tmp_path / "a") as file:
        file.write(bytes(20))
    assert error.value.filename == str(tmp_path / "a")


def test_what_any_verb_prints_may_fail():
    """Every verb's errors are told, also those after its work."""
    verbs = [*app.registered_commands, *features.registered_commands]
    assert all(hasattr(one.callback, "__wrapped__") for one in verbs)

    def verb() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    own = typer.Typer()
    own.command()(guarded(verb))
    done = CliRunner().invoke(own, [])
    assert (done.exit_code, done.stderr) == (2, "error: the output: the disk is full; make room\n")


def test_a_full_disk_behind_the_output_is_said_in_one_line():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "nashpath", "examples", "ring"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert (done.returncode, done.stderr) == (2, "error: the output: the disk is full; make room\n")


def test_an_output_of_another_encoding_has_escapes_for_what_it_lacks():
    program = "from nashpath.cli.printing import print_anything; print_anything(); print('5 ± 1')"
    own = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", program], env=own, capture_output=True, text=True, check=True)
    assert done.stdout == "5 \\xb1 1\n"
