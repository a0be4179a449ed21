"""The number of threads is measured, written down, and kept by a second run from the recorded settings."""

import tomllib

import pytest
import torch

from nashpath.run import open_session, resume_session
from nashpath.run.engine import autotune as room
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve

RAW = {"steps": 1, "batch_size": 4, "evaluation_samples": 8, "compile": "off"}


@pytest.fixture(autouse=True)
def one_thread_after():
    yield
    torch.set_num_threads(1)


@pytest.mark.parametrize(("two", "one", "chosen"), [(1.0, 1.0, 1), (0.9, 1.0, 1), (0.5, 1.0, 2), (30.0, 1.0, 1)])
def test_more_threads_must_earn_their_cores(monkeypatch, two, one, chosen):
    torch.set_num_threads(2)
    monkeypatch.setattr(room, "seconds", lambda program: {2: two, 1: one}[torch.get_num_threads()])
    assert room.choose_threads(build_trial(resolve(RAW), 0), 0, None) == chosen
    assert torch.get_num_threads() == chosen


def test_what_was_chosen_is_recorded_and_obeyed(tmp_path, monkeypatch):
    torch.set_num_threads(2)
    monkeypatch.setattr(room, "seconds", lambda program: torch.get_num_threads())
    open_session(RAW, {}, tmp_path / "first").train()
    recorded = tomllib.loads((tmp_path / "first" / "config.toml").read_text())
    assert recorded["threads"] == 1
    assert torch.get_num_threads() == 2  # what trains next is measured with as many again
    used = []

    def asks(progress):
        used.append(torch.get_num_threads())

    second = open_session({**recorded, "threads": 1}, {}, tmp_path / "second", asks)
    assert (second.threads, torch.get_num_threads()) == (1, 2)
    second.train()
    assert set(used) == {1}
    assert torch.get_num_threads() == 2
    resume_session(tmp_path / "second", {"steps": 2 * recorded["steps"]}).train()
    assert torch.get_num_threads() == 2
