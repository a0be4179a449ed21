"""What is kept in a process has an end: data sets while somebody uses them, and only while their files stay."""

import gc
import os
import weakref
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath.core import Key
from nashpath.core.source import FromDisk
from nashpath.data import SOURCES, Folder
from nashpath.data.base import FiniteSource
from nashpath.run.folder.checkpoint import restore_members
from nashpath.run.observe.metrics import _TRIED, reference_set_of
from nashpath.run.settings.build import _IN_USE, build_source, build_trial
from nashpath.run.settings.resolve import resolve
from run_folders import small, trained

METRICS = {"metrics": ["sliced_wasserstein"], "evaluation_samples": 50}


@pytest.fixture
def array(tmp_path):
    """Settings of a run on a file of vectors, and the file."""
    file = tmp_path / "points.npy"
    np.save(file, np.zeros((20, 2), np.float32))
    return resolve(small(data={"kind": "array", "path": str(file)})), file


def data_of(trial: Any) -> Any:
    return trial.game.data


def source_of(settings: Any) -> Any:
    return build_source(settings)


def test_those_who_use_a_data_set_at_once_share_it():
    settings = resolve(small(data="digits"))
    first, second = build_trial(settings, 0), build_trial(settings, 1)
    assert data_of(first) is data_of(second) is source_of(settings)
    other = resolve(small(data={"kind": "digits", "split": "test"}))
    assert build_source(other) is not data_of(first)


def test_a_data_set_is_freed_after_use():
    trial = build_trial(resolve(small(data="digits")), 0)
    source = weakref.ref(data_of(trial))
    assert any(held is source() for held in _IN_USE.values())
    del trial
    gc.collect()
    assert source() is None
    assert not [key for key in _IN_USE if '"digits"' in key]


def test_a_run_with_metrics_leaves_neither_data_nor_reference_samples(tmp_path):
    session = trained(small(steps=2, seeds=[0, 1], **METRICS), tmp_path / "run")
    group = session.groups[0]
    left = [weakref.ref(data_of(group.program.trials[0])), weakref.ref(group.reference_set)]
    assert all(ref() is not None for ref in left)
    del session, group
    gc.collect()
    assert [ref() for ref in left] == [None, None]
    assert not list(_TRIED)


def test_programs_with_one_data_set_share_its_reference_samples():
    settings = resolve(small(**METRICS))
    first, second = build_trial(settings, 0), build_trial(settings, 1)
    held = reference_set_of(settings, first)
    assert held is reference_set_of(settings, second)
    fewer = resolve(small(**{**METRICS, "evaluation_samples": 40}))
    assert reference_set_of(fewer, build_trial(fewer, 0)) is not held


@pytest.fixture
def images(tmp_path, monkeypatch):
    """A folder of three small pictures, and a cache of its own."""
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(3):
        Image.new("L", (8, 8), k).save(folder / f"{k}.png")
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    return folder


def test_what_was_prepared_is_not_read_again(images, tmp_path, monkeypatch):
    filled = []
    fill = Folder._fill
    monkeypatch.setattr(Folder, "_fill", lambda self, progress: filled.append(1) or fill(self, progress))
    raw = small(data={"kind": "folder", "path": str(images), "size": 8, "channels": 1}, steps=2, seeds=[0, 1])
    raw |= {"generator": {"kind": "mlp", "width": 4}, "discriminator": {"kind": "mlp", "width": 4}}
    trained(raw, tmp_path / "run")
    assert filled == [1]


def test_the_files_of_a_folder_are_looked_at_as_often_for_many_members_as_for_two(images, tmp_path, monkeypatch):
    """A look at 50,000 pictures takes a fifth of a second."""
    asked, changed, counts = [], Folder.changed, []
    monkeypatch.setattr(Folder, "changed", lambda self: asked.append(1) or changed(self))
    for members in (2, 9):
        asked.clear()
        raw = small(data={"kind": "folder", "path": str(images), "size": 8}, steps=1, seeds=list(range(members)))
        raw |= {"generator": {"kind": "mlp", "width": 4}, "discriminator": {"kind": "mlp", "width": 4}}
        trained(raw, tmp_path / f"{members}")
        restore_members(tmp_path / f"{members}")
        counts.append(len(asked))
    assert counts[0] == counts[1] > 0


def test_an_array_file_that_was_changed_is_read_again(array):
    settings, file = array
    first = source_of(settings)
    assert source_of(settings) is first
    np.save(file, np.ones((20, 2), np.float32))  # as long as before
    second = source_of(settings)
    assert second is not first
    assert torch.equal(second.draw(Key(0), 3)["real"], torch.ones(3, 2))
    assert torch.equal(first.draw(Key(0), 3)["real"], torch.zeros(3, 2))
    assert source_of(settings) is second


def test_an_array_file_that_was_replaced_or_removed_is_noticed(array):
    settings, file = array
    first, facts = source_of(settings), file.stat()
    assert not first.changed()
    new = file.with_name("new.npy")
    np.save(new, np.ones((20, 2), np.float32))
    os.utime(new, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    new.replace(file)  # the same name, length and time
    assert first.changed()
    file.unlink()
    with pytest.raises(FileNotFoundError):
        source_of(settings)


@pytest.mark.parametrize("change", ["added", "added below", "removed", "written", "written below", "replaced"])
def test_a_folder_that_was_changed_is_read_again(tmp_path, change):
    (tmp_path / "below").mkdir()
    for name in ("a.png", "b.png", "below/c.png"):
        Image.new("L", (8, 8)).save(tmp_path / name)
    settings = resolve(small(data={"kind": "folder", "path": str(tmp_path), "size": 8}, generator="mlp"))
    first = source_of(settings)
    assert source_of(settings) is first
    assert len(first.files) == 3
    for folder in (tmp_path, tmp_path / "below"):  # as if it had been made some time ago
        os.utime(folder, ns=(10**18, 10**18))
    first = source_of(settings)
    assert float(first.draw(Key(0), 50)["real"].max()) == -1
    picture = Image.new("L", (8, 8), 255)
    if change == "removed":
        (tmp_path / "a.png").unlink()
    elif change == "replaced":
        picture.save(tmp_path / "new.png")
        os.replace(tmp_path / "new.png", tmp_path / "a.png")
    else:
        names = {"added": "d.png", "added below": "below/d.png", "written": "a.png", "written below": "below/c.png"}
        picture.save(tmp_path / names[change])
    assert first.changed()
    again = source_of(settings)
    assert again is not first
    assert len(again.files) == {"added": 4, "removed": 2}.get(change.split()[0], 3)
    if change != "removed":
        assert float(again.draw(Key(0), 50)["real"].max()) == 1
    assert source_of(settings) is again


def test_data_that_read_no_files_never_change():
    for kind in set(SOURCES) - {"array", "csv", "folder", "hub"}:
        source = SOURCES[kind]()
        assert not (isinstance(source, FromDisk) and source.changed()), kind
    assert issubclass(FiniteSource, FromDisk)
