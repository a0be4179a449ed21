"""A run or flow that is to go on with what does not fit its checkpoint: the change is named, and nothing is written."""

import re

import numpy as np
import pytest

from run_folders import flags, nash

TABLE = "age,income,city\n" + "".join(f"{20 + k},{30.5 + k},{['Bern', 'Koln', 'Rome'][k % 3]}\n" for k in range(60))
TABLES = {
    "a new category": (TABLE.replace("23,33.5,Bern", "23,33.5,Oslo"), r"column 'city' holds 'Oslo' now;"),
    "a category less": (TABLE.replace("Rome", "Bern"), r"column 'city' holds no 'Rome' now;"),
    "a missing value": (TABLE.replace("33.5", ""), r"column 'income' was 1 of a sample's numbers and is 3 \(.*empty"),
    "a new column": (TABLE.replace("\n", ",1\n").replace("city,1", "city,last"), r"column 'last' is new"),
    "a column less": ("\n".join(line.partition(",")[2] for line in TABLE.split("\n")), r"column 'age' is gone"),
}
NPY = {"side": (1, 8, 12), "channels": (3, 8, 8)}


def files(folder):
    """All that a run folder holds, but for the journal of digests, which every claim of the folder may close."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "digests.jsonl"}


def refused(folder, *more, verb="train"):
    before = files(folder)
    done = nash(verb, "--resume", "--accept-changes", *more, "--out", folder, expect=2)
    assert "resumed at step" not in done.output
    assert f"nashpath {verb} {folder / 'config.toml'} --out ANOTHER_FOLDER" in done.stderr
    assert files(folder) == before
    return done.stderr


@pytest.mark.parametrize("case", TABLES)
def test_a_table_of_other_columns_is_named_by_them(tmp_path, case):
    data, (content, said) = tmp_path / "t.csv", TABLES[case]
    data.write_text(TABLE)
    nash("train", *flags("data=csv", f"data.path={data}", "steps=4"), "--out", tmp_path / "run")
    data.write_text(content)
    assert re.search(said, refused(tmp_path / "run"))
    data.write_text(TABLE)
    nash("train", "--resume", "-s", "steps=6", "--out", tmp_path / "run")


@pytest.mark.parametrize("what", NPY)
def test_pictures_of_another_size_are_named_by_their_shapes(tmp_path, what):
    data, made = tmp_path / "p.npy", np.random.default_rng(0)
    networks = ("generator=mlp", "discriminator=mlp", "data=array", f"data.path={data}")
    np.save(data, made.uniform(-1, 1, (40, 1, 8, 8)).astype(np.float32))
    nash("train", *flags(*networks, "steps=4"), "--out", tmp_path / "run")
    np.save(data, made.uniform(-1, 1, (40, *NPY[what])).astype(np.float32))
    assert f"a sample was 1 × 8 × 8 numbers, is {' × '.join(map(str, NPY[what]))}" in refused(tmp_path / "run")


def test_classes_that_a_conditional_game_has_not_are_named(tmp_path):
    data = tmp_path / "t.csv"
    data.write_text("a,kind\n" + "".join(f"{k}.5,{'xy'[k % 2]}\n" for k in range(60)))
    settings = ("data=csv", f"data.path={data}", "data.label=kind", "game=conditional", "steps=4")
    nash("train", *flags(*settings), "--out", tmp_path / "run")
    data.write_text("a,kind\n" + "".join(f"{k}.5,{'xyz'[k % 3]}\n" for k in range(60)))
    assert "the classes were 2 (x, y), are 3 (x, y, z)" in refused(tmp_path / "run")


def test_a_flow_whose_particles_do_not_fit_says_so(tmp_path):
    data = tmp_path / "t.csv"
    data.write_text(TABLE)
    asked = ("data=csv", f"data.path={data}", "steps=4", "particles=20")
    nash("flow", *(part for one in asked for part in ("-s", one)), "--out", tmp_path / "flow")
    data.write_text(TABLES["a new category"][0])
    assert "a sample was 5 numbers, is 6" in refused(tmp_path / "flow", verb="flow")


def test_settings_that_do_not_fit_are_named(tmp_path):
    nash("train", *flags("steps=4"), "--out", tmp_path / "run")
    said = refused(tmp_path / "run", "-s", "generator.width=20")
    assert re.search(r"changed: settings: generator.width was \d+, is 20 \(", said)
    assert "a sample was" not in said
