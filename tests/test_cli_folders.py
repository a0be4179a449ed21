"""Default run folders: two runs that choose at one moment get two."""

import threading
from pathlib import Path

import pytest

from nashpath.cli.places import reserved
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
