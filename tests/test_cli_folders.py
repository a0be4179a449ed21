"""Default run folders: two runs that choose at one moment get two."""

import shutil
import threading
from pathlib import Path

import pytest
import typer

from nashpath.cli import app
from nashpath.cli.places import reserved
from nashpath.core.cache import check_replaceable
from nashpath.report import compare_reports, write_report
from nashpath.run.folder.outputs import check_output
from run_folders import flags, nash


def test_many_that_choose_at_one_moment_each_get_their_own(tmp_path):
    start, chosen, wait = threading.Barrier(8), [], threading.Event()

    def choose():
        start.wait(10)
        with reserved(tmp_path / "runs" / f"ring-{n}" for n in range(1, 100)) as folder:
            chosen.append(folder)
            (folder / "config.toml").write_text("")
            wait.wait(10)

    threads = [threading.Thread(target=choose) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(chosen) < 8 and any(thread.is_alive() for thread in threads):
        pass
    wait.set()
    for thread in threads:
        thread.join()
    assert sorted(folder.name for folder in chosen) == [f"ring-{n}" for n in range(1, 9)]


def test_the_second_run_takes_the_next_number_while_the_first_has_written_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with reserved([Path("runs/ring-1")]) as mine:
        assert "runs/ring-2" in nash("train", *flags("steps=1"), "--quiet").stdout
        few = ("particles=20", "steps=1", "samples=10", "evaluation_samples=10", "flow=langevin", "data=gaussian")
        said = nash("flow", *(part for one in few for part in ("-s", one)), "--quiet").stdout
        assert "runs/flow-1" in said
        assert list(mine.iterdir()) == []
    assert sorted(place.name for place in Path("runs").iterdir()) == ["flow-1", "ring-2"]


@pytest.mark.parametrize("verb", ["train", "flow"])
def test_a_run_that_is_refused_leaves_no_folder(tmp_path, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    nash(verb, "-s", "data.modes=none", expect=2)
    assert list(tmp_path.iterdir()) == []
    Path("runs").symlink_to("nowhere")
    assert "runs" in nash(verb, "-s", "steps=1", expect=2).stderr


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    nash("train", *flags("steps=1"), "--quiet", "--out", folder)
    return folder


def test_what_could_not_be_written_is_refused_before_it_is_measured(trained_run, tmp_path, monkeypatch):
    run, file = shutil.copytree(trained_run, tmp_path / "run"), tmp_path / "file"
    file.write_text("")
    for name in ("diagnosis.json", "evaluation.json", "report.html"):
        (run / name).unlink(missing_ok=True)
        (run / name).mkdir()
    for long in (
        "nashpath.run.assess.diagnose.restore_members",
        "nashpath.run.assess.evaluate.restore_members",
        "nashpath.run.assess.evaluate.load_pair",
        "nashpath.run.assess.export.load",
        "nashpath.run.assess.load.restore_members",
        "nashpath.report.page.load_run",
        "nashpath.report.compare.load_run",
    ):
        monkeypatch.setattr(long, lambda *args, **more: pytest.fail("long work had begun"))
    for place, line in {
        run / "diagnosis.json": ["diagnose", run],
        run / "evaluation.json": ["evaluate", run],
        file / "e.json": ["evaluate", run, "--out", file / "e.json"],
        file / "i.json": ["evaluate", "--real", run, "--fake", run, "--out", file / "i.json"],
        file / "g.pt2.md": ["export", run, "--to", file / "g.pt2"],
        file / "s.npz": ["sample", run, "--out", file / "s.npz"],
    }.items():
        said = nash(*line, expect=2).stderr
        assert f"error: {place} cannot be written: " in said
    with pytest.raises(OSError, match=r"c\.html cannot be written: .* is a file"):
        compare_reports([run, run], file / "c.html")
    with pytest.raises(OSError, match=r"report\.html cannot be written: it is a folder"):
        write_report(run)


WRITE_OVER = [
    (["export", "RUN"], "--to", "checkpoint.safetensors"),
    (["export", "RUN"], "--to", "samples/g.pt2"),
    (["sample", "RUN"], "--out", "reference.npz"),
    (["sample", "RUN"], "--out", "samples/step-00000000.npz"),
    (["sample", "RUN"], "--out", "samples/../reference.npz"),
    (["evaluate", "RUN"], "--out", "run.json"),
    (["evaluate", "RUN"], "--out", "diagnosis.json"),
    (["evaluate", "--real", "RUN", "--fake", "RUN"], "--out", "members.json"),
    (["report", "RUN", "RUN"], "--out", "report.html"),
]
"""Verbs that write a file, each with one that a run keeps."""


@pytest.mark.parametrize(("line", "option", "name"), WRITE_OVER)
def test_no_verb_writes_over_what_a_run_keeps(trained_run, tmp_path, line, option, name):
    """Before anything is done: its files are as they were."""
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    words = [str(run) if word == "RUN" else word for word in line]
    said = " ".join(nash(*words, option, run / name, expect=2).stderr.split())
    assert "keeps itself; choose another file to write" in said
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


def test_a_file_beside_a_run_or_a_config_of_others_is_written(trained_run, tmp_path):
    run = Path(shutil.copytree(trained_run, tmp_path / "run"))
    (tmp_path / "config.toml").write_text("")
    for place in (run / "sheet.png", run / "mine" / "a.npz", tmp_path / "samples" / "a.npz"):
        check_output(place)


def test_every_verb_that_writes_a_file_is_asked_for_its_place():
    """A law: each verb with an option of a file to write has a line above."""
    folders = {"train", "flow", "search", "reproduce", "plan", "examples"}  # their --out and --to are folders
    with_output = set()
    for name, verb in typer.main.get_command(app).commands.items():
        if any(set(option.opts) & {"--out", "--to"} for option in verb.params):
            with_output.add(name)
    assert with_output - folders == {line[0] for line, *_ in WRITE_OVER}


def test_a_place_is_tried_and_left_as_it_was(tmp_path):
    check_replaceable(tmp_path / "a" / "b" / "c.json")
    (tmp_path / "c.json").write_text("kept")
    check_replaceable(tmp_path / "c.json")
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("c.json", "kept")]


@pytest.mark.parametrize("verb", ["report", "diagnose", "sample", "evaluate"])
def test_a_folder_that_is_not_there_is_said_to_be_missing(tmp_path, monkeypatch, verb):
    monkeypatch.chdir(tmp_path)
    said = nash(verb, "nowhere", expect=2).stderr
    assert said.strip() in ("error: no run folder at nowhere", "error: nowhere holds no run (there is no such folder)")
