"""What needs only the generator works without the training data, and of many members builds the one asked for."""

import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import nashpath
from nashpath.run import SettingError, restore_members
from nashpath.run.folder import checkpoint
from run_folders import flags, nash, small, trained

NETWORKS = ("generator.kind=mlp", "discriminator.kind=mlp", "steps=2")


def pictures(folder):
    numbers = np.random.default_rng(0)
    for name in "ab":
        (folder / name).mkdir(parents=True)
        for k in range(6):
            picture = numbers.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(picture).save(folder / name / f"{k}.png")


def photos(place):
    pictures(place / "photos")
    return "data=folder", f"data.path={place / 'photos'}", "data.size=8", *NETWORKS


def table(place):
    np.save(place / "table.npy", np.random.default_rng(0).normal(5000, 1000, (40, 3)))
    return "data=array", f"data.path={place / 'table.npy'}", "data.scale=standard", "average=ema", *NETWORKS


def named(place):
    repo = "ylecun/mnist"
    shutil.copytree(f"{__file__.rpartition('/')[0]}/fixtures/data/{repo}", place / "copies" / repo)
    return "data=mnist", f"data.folder={place / 'copies'}", *NETWORKS


def few_labels(place):
    values = np.random.default_rng(0).normal(size=(40, 3))
    np.savez(place / "labelled.npz", x=values, y=np.arange(40) % 2)
    own = ("game=semi_supervised", "game.labels=4", *NETWORKS)
    return "data=array", f"data.path={place / 'labelled.npz'}", "data.key=x", "data.label_key=y", *own


RUNS = {"a folder": photos, "a table": table, "a named set": named, "few labels": few_labels}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("case", RUNS)
def test_samples_are_the_same_without_the_data(tmp_path, case, monkeypatch):
    home, run = tmp_path / "home", tmp_path / "run"
    home.mkdir()
    nash("train", *flags(*RUNS[case](home)), "--out", run, "--quiet")
    nash("sample", run, "-n", 5, "--out", tmp_path / "before.npz")
    home.rename(tmp_path / "elsewhere")
    monkeypatch.setenv("NASHPATH_DATA", "")
    nash("sample", run, "-n", 5, "--out", tmp_path / "after.npz")
    with np.load(tmp_path / "before.npz") as before, np.load(tmp_path / "after.npz") as after:
        assert sorted(before) == sorted(after)
        for name in before:
            np.testing.assert_array_equal(before[name], after[name])


def test_an_emptied_folder_is_as_none(tmp_path):
    nash("train", *flags(*photos(tmp_path)), "--out", tmp_path / "run", "--quiet")
    for name in "ab":
        shutil.rmtree(tmp_path / "photos" / name)
    nash("sample", tmp_path / "run", "-n", 2, "--out", tmp_path / "s.npz")
    assert "photos" in nash("evaluate", tmp_path / "run", expect=2).stderr


def test_members_on_data_of_their_own_shapes_are_sampled_without_them(tmp_path):
    for name, columns in (("a", 3), ("b", 2)):
        np.save(tmp_path / f"{name}.npy", np.random.default_rng(0).normal(size=(20, columns)))
    sweep = ("--sweep", f"data.path={tmp_path / 'a.npy'},{tmp_path / 'b.npy'}")
    nash("train", *flags("data=array", *NETWORKS), *sweep, "--out", tmp_path / "run", "--quiet")
    for name in "ab":
        (tmp_path / f"{name}.npy").unlink()
    found = [nashpath.load(tmp_path / "run", member).sample(4).shape for member in (0, 1)]
    assert found == [(4, 3), (4, 2)]


def test_of_many_members_one_is_built_and_read(tmp_path, monkeypatch):
    trained(small(steps=2, seeds=list(range(6))), tmp_path / "run")
    every = restore_members(tmp_path / "run")
    build, read, built, names = checkpoint.build_trial, checkpoint.fill_tree, [], []
    monkeypatch.setattr(checkpoint, "build_trial", lambda *a: built.append(a) or build(*a))
    monkeypatch.setattr(checkpoint, "fill_tree", lambda t, p, found, f: names.extend(found) or read(t, p, found, f))
    ((member, _, state),) = restore_members(tmp_path / "run", [4])
    assert member.index == 4
    assert [seed for _, seed, *_ in built] == [4]
    assert {name.partition(".")[0] for name in names} == {"member4"}
    for who, params in state.point.players.items():
        for name, value in params.items():
            assert torch.equal(value, every[4][2].point.players[who][name])
    with pytest.raises(SettingError, match="members 0 to 5"):
        restore_members(tmp_path / "run", [6])
