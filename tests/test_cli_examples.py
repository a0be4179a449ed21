"""``nashpath examples``: what is installed with the package is listed, printed, copied, and trains from there."""

from pathlib import Path

import pytest

from nashpath.cli.examples import ENDINGS
from nashpath.cli.places import shipped
from run_folders import nash

FILES = sorted(file for file in shipped("examples").iterdir() if file.suffix in ENDINGS)


def test_each_has_a_line_that_is_a_sentence():
    lines = nash("examples").stdout.splitlines()[: len(FILES)]
    for file, line in zip(FILES, lines):
        name, _, said = line.partition(" ")
        assert name == file.name
        assert said.strip()[-1] in ".?", line
        assert len(line) <= 120


@pytest.mark.parametrize("file", [pytest.param(file, id=file.name) for file in FILES])
def test_one_is_printed_as_it_is_by_its_name_with_or_without_the_ending(file):
    assert nash("examples", file.stem).stdout == nash("examples", file.name).stdout == file.read_text()


def test_all_are_copied_and_train_from_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = nash("examples", "--to", "new/mine").stdout
    assert said.split() == [str(Path("new/mine") / file.name) for file in FILES]
    assert [Path("new/mine", file.name).read_bytes() for file in FILES] == [file.read_bytes() for file in FILES]
    few = [part for one in ("steps=2", "compile=off", "stack=off", "samples=4") for part in ("-s", one)]
    nash("train", "new/mine/ring.toml", *few, "--seeds", "0", "--out", "run", "--quiet")
    assert Path("run/report.html").is_file()


def test_a_file_is_never_overwritten_and_nothing_is_copied_beside_it(tmp_path):
    (tmp_path / "ring.toml").write_text("steps = 1\n")
    said = nash("examples", "--to", tmp_path, expect=2).stderr
    assert "has ring.toml already; nothing was copied" in said
    assert [file.name for file in tmp_path.iterdir()] == ["ring.toml"]
    assert (tmp_path / "ring.toml").read_text() == "steps = 1\n"
    assert nash("examples", "own_loop", "--to", tmp_path).stdout == f"{tmp_path / 'own_loop.py'}\n"
    assert "is a file; name a folder" in nash("examples", "--to", tmp_path / "ring.toml", expect=2).stderr


def test_an_unknown_one_is_refused_with_what_there_is():
    assert "Did you mean 'digits'?" in nash("examples", "digit", expect=2).stderr
    assert "Known: digits, own_loop" in nash("examples", "qqqqq", expect=2).stderr
