"""Verbs that read a run folder and write into it: beside a training they measure, and leave the folder to it."""

import json
import shutil

import pytest

import nashpath
from nashpath.run.folder.digests import Digests
from nashpath.run.folder.lock import FolderLock
from run_folders import flags, nash

EVALUATE = ("--samples", 16, "--metrics", "modes", "--json")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers") / "run"
    nash("train", *flags("steps=4"), "--out", folder)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file() and file.name != ".lock"}


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("verb", "written"), [(("evaluate", *EVALUATE), "evaluation.json"), (("diagnose", "--quick"), "diagnosis.json")]
)
def test_beside_a_training_results_are_said_and_the_folder_is_left_to_it(run, verb, written):
    name, *options = verb
    before = content(run)
    lock = FolderLock(run)
    (run / ".lock").write_text(json.dumps({"pid": 4711, "host": "elsewhere"}))
    try:
        result = nash(name, run, *options)
        told = " ".join(result.stderr.split())
        assert f"{written} is left as it is: {run}: process 4711 on elsewhere is writing the run there" in told
        assert "modes" in result.stdout or "member 0" in result.stdout
        after = content(run)
        assert {key: value for key, value in after.items() if key != "report.html"} == {
            key: value for key, value in before.items() if key != "report.html"
        }
        for reader in (("report", run), ("sample", run, "--out", run.parent / "sheet.png")):
            nash(*reader)
    finally:
        lock.release()
    nash(name, run, *options)
    assert (run / written).exists()
    assert Digests(run).fault(written) == ""
    assert not (run / ".lock").exists()
    assert nashpath.load(run).steps == 4


@pytest.mark.parametrize("verb", [("evaluate", *EVALUATE), ("report",)])
def test_readers_sweep_what_killed_processes_left(run, verb):
    left = [run / "report.html.part", run / "samples" / ".step-1.npz.999999999-1.tmp"]
    for file in left:
        file.write_bytes(b"half")
    nash(verb[0], run, *verb[1:])
    assert [file for file in left if file.exists()] == []


def test_a_place_elsewhere_is_neither_locked_nor_swept(run, tmp_path):
    mine = tmp_path / "elsewhere" / "film.part"
    mine.parent.mkdir()
    mine.write_bytes(b"somebody's")
    nash("evaluate", run, *EVALUATE, "--out", mine.parent / "found.json")
    assert sorted(file.name for file in mine.parent.iterdir()) == ["film.part", "found.json"]
    inside = run / "evaluation.json"
    nash("evaluate", run, *EVALUATE, "--out", inside)
    assert Digests(run).fault(inside.name) == ""
