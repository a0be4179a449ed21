"""What killed processes leave half-written in the cache is swept by its next use, and nothing of those that live."""

import fcntl
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath.core import cache as cache_module
from nashpath.core.cache import remembered, replacing, sweep
from nashpath.data import Folder


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    (folder / "metrics").mkdir(parents=True)
    monkeypatch.setenv("NASHPATH_CACHE", str(folder))
    cache_module.swept.cache_clear()
    return folder


@pytest.fixture(scope="module")
def dead():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def leave(folder, pid):
    left = folder / f".pictures.npy.{pid}-1.tmp"
    left.write_bytes(b"half")
    return left


def test_the_picture_cache_sweeps_what_the_dead_left_and_leaves_the_living_alone(cache, dead, tmp_path):
    (tmp_path / "photos").mkdir()
    Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save(tmp_path / "photos" / "a.png")
    left, alive = leave(cache, dead), leave(cache, os.getppid())
    Folder(str(tmp_path / "photos"), size=8).prepare()
    assert not left.exists()
    assert alive.exists()
    assert len(list(cache.glob("*.npy"))) == 1


def test_the_cache_of_features_sweeps_too(cache, dead):
    left = leave(cache / "metrics", dead)
    assert remembered("key", lambda: {"a": torch.ones(2)})["a"].tolist() == [1, 1]
    assert not left.exists()


def test_a_process_of_another_machine_is_known_by_its_lock(cache, dead):
    """Its number may be that of nobody here."""
    left = leave(cache, dead)
    with open(left, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        sweep(cache)
        assert left.exists()
    sweep(cache)
    assert not left.exists()


def test_where_there_are_no_locks_only_old_files_are_swept(cache, dead, monkeypatch):
    def refuse(*given):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(cache_module.fcntl, "flock", refuse)
    left = leave(cache, dead)
    sweep(cache)
    assert left.exists()
    old = time.time() - 2 * cache_module.UNLOCKED_SECONDS
    os.utime(left, (old, old))
    sweep(cache)
    assert not left.exists()
    with replacing(cache / "new") as file:
        file.write(b"whole")
    assert (cache / "new").read_bytes() == b"whole"


def test_a_file_is_not_swept_while_a_thread_of_this_process_writes_it(cache):
    begun, go_on = threading.Event(), threading.Event()

    def write():
        with replacing(cache / "slow") as file:
            begun.set()
            go_on.wait(10)
            file.write(b"whole")

    writer = threading.Thread(target=write)
    writer.start()
    assert begun.wait(10)
    sweep(cache)
    go_on.set()
    writer.join()
    assert (cache / "slow").read_bytes() == b"whole"


def test_a_file_that_is_swept_as_it_is_opened_is_opened_again(cache, monkeypatch):
    real, swept = fcntl.flock, []

    def late(file, how):
        if not swept:
            swept.append(next(cache.glob(".*.tmp")))
            swept[0].unlink()
        real(file, how)

    monkeypatch.setattr(cache_module.fcntl, "flock", late)
    with replacing(cache / "new") as file:
        file.write(b"whole")
    assert swept
    assert (cache / "new").read_bytes() == b"whole"
    assert list(cache.glob(".*")) == []
