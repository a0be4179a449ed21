"""Places that settings name (data, swept data, a file of features) are found from anywhere, moved or not."""

import shutil

import numpy as np
import pytest

import nashpath
from nashpath.run import SettingError
from nashpath.run.folder.places import PLACES, find_data, named_places, remember_data
from nashpath.run.folder.settings_file import read_toml
from run_folders import flags, members, nash

SETTINGS = {
    "data": {"kind": "array", "path": "a.npy"},
    "sweep": {"data.path": ["a.npy", "b.npy"]},
    "features": "own.pt2",
}


def files(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(("a.npy", "b.npy")):
        np.save(folder / name, np.random.default_rng(k).normal(size=(30, 2)))
    (folder / "own.pt2").write_bytes(b"program")
    return folder


def test_all_places_are_kept_relative_and_absolute_and_found_again(tmp_path, monkeypatch):
    home = files(tmp_path / "home")
    monkeypatch.chdir(home)
    kept = remember_data(SETTINGS, tmp_path / "runs" / "x")
    assert named_places(kept) == {
        "data.path": ["../../home/a.npy"],
        "sweep.data.path": ["../../home/a.npy", "../../home/b.npy"],
        "features": ["../../home/own.pt2"],
    }
    assert kept[PLACES]["sweep.data.path"] == [str(home / "a.npy"), str(home / "b.npy")]
    monkeypatch.chdir("/")
    for place in (tmp_path / "runs" / "x", tmp_path / "away" / "runs" / "x"):  # by one way, or by the other
        found = find_data(kept, place)
        assert PLACES not in found
        assert found["data"]["path"] == str(home / "a.npy")
        assert found["sweep"] == {"data.path": [str(home / "a.npy"), str(home / "b.npy")]}
        assert found["features"] == str(home / "own.pt2")
    (tmp_path / "away").mkdir()
    shutil.move(home, tmp_path / "away" / "home")  # both, as they lay
    assert find_data(kept, tmp_path / "away" / "runs" / "x")["features"] == str(tmp_path / "away" / "home" / "own.pt2")


def test_the_names_of_features_are_no_places(tmp_path):
    plain = {"features": "pixels", "data": {"kind": "ring"}, "sweep": {"penalty.weight": [1, 2]}}
    assert remember_data(plain, tmp_path) == plain
    assert find_data(plain, tmp_path) == plain


def test_data_path_says_where_swept_data_are(tmp_path, monkeypatch):
    home = files(tmp_path / "home")
    monkeypatch.chdir(home)
    kept = remember_data(SETTINGS, tmp_path / "run")
    shutil.move(home, tmp_path / "moved")
    found = find_data(kept, tmp_path / "run", tmp_path / "moved")
    assert found["sweep"]["data.path"] == [str(tmp_path / "moved" / name) for name in ("a.npy", "b.npy")]
    assert found["data"]["path"] == str(tmp_path / "moved" / "a.npy")
    (tmp_path / "moved" / "b.npy").unlink()
    with pytest.raises(SettingError, match=r"sweeps several data sets; .* there is no .*b\.npy"):
        find_data(kept, tmp_path / "run", tmp_path / "moved")


def test_a_settings_file_names_its_data_as_seen_from_itself_or_from_here(tmp_path, monkeypatch):
    home = files(tmp_path / "home")
    monkeypatch.chdir(home)
    assert find_data(SETTINGS, tmp_path / "home")["data"]["path"] == "a.npy"
    monkeypatch.chdir("/")
    assert find_data(SETTINGS, home)["data"]["path"] == str(home / "a.npy")
    assert find_data(SETTINGS, tmp_path)["data"]["path"] == "a.npy"  # nowhere: left for the data to say


@pytest.mark.long
def test_a_run_over_swept_data_goes_on_from_anywhere_and_knows_its_files(tmp_path, monkeypatch):
    home = files(tmp_path / "home")
    monkeypatch.chdir(home)
    nash("train", *flags("data=array", "steps=2"), "--sweep", "data.path=a.npy,b.npy", "--out", "../run")
    before = members(tmp_path / "run")
    monkeypatch.chdir("/")
    shutil.move(tmp_path / "home", tmp_path / "moved")
    assert "--data-path" in nash("train", "--resume", "--out", tmp_path / "run", "-s", "steps=3", expect=2).stderr
    nash("train", "--resume", "--out", tmp_path / "run", "-s", "steps=3", "--data-path", tmp_path / "moved")
    nash("train", "--resume", "--out", tmp_path / "run", "-s", "steps=4")
    after = members(tmp_path / "run")
    assert [member["steps"] for member in after] == [4, 4]
    assert [member["settings"] for member in before] == [
        {"data.path": str(tmp_path / "home" / name)} for name in ("a.npy", "b.npy")
    ]
    assert nashpath.load(tmp_path / "run", member=1).game.data.examples(1).shape == (1, 2)
    np.save(tmp_path / "moved" / "b.npy", np.zeros((4, 2)) + np.arange(4)[:, None])
    said = nash("train", "--resume", "--out", tmp_path / "run", "-s", "steps=5", expect=2).stderr
    assert "data: " in said
    assert "bytes now" in said
    assert read_toml(tmp_path / "run" / "config.toml")["sweep"]["data.path"] == ["../moved/a.npy", "../moved/b.npy"]
