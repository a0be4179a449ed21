"""Places that take no file (a full disk, one that can only be read), and an output that takes no letter."""

import errno
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.cli.console import guarded
from nashpath.cli.features import features
from nashpath.core.cache import replacing
from nashpath.run.folder.lock import LOCK, FolderLock
from run_folders import files_of_at_most, flags, nash


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
    assert f"{run}: the disk is full, {file} could not be written; the last checkpoint is kept" in done.stderr


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
