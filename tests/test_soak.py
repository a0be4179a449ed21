"""The judgement of the soak: it fails for what grows, passes for what is flat, and says where it cannot tell."""

import runpy
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

SOAK = runpy.run_path(str(Path(__file__).parents[1] / "scripts" / "soak.py"), run_name="soak")
Moment, judge, watch = SOAK["Moment"], SOAK["judge"], SOAK["watch"]
HOUR = np.arange(0, 3600, 2.0)


def series(megabytes, handles=None):
    held = np.full(len(HOUR), 12) if handles is None else handles
    return [Moment(float(t), float(m), int(h)) for t, m, h in zip(HOUR, megabytes, held)]


def noise(deviation=1.0):
    return np.random.default_rng(0).normal(0, deviation, len(HOUR))


FLAT = {
    "noise": 500 + noise(),
    "a sawtooth of the allocator": 500 + 20 * (HOUR % 60 / 60) + noise(),
    "a warm-up": 500 + np.minimum(HOUR, 1200) / 10 + noise(),
    "a little": 500 + 3 * HOUR / 3600 + noise(),
    "it falls": 500 - HOUR / 100 + noise(),
}
GROWS = {
    "steadily": 500 + 30 * HOUR / 3600 + noise(),
    "in steps, with every checkpoint": 500 + 2 * (HOUR // 120) + noise(),
    "late": 500 + np.maximum(HOUR - 2400, 0) / 20 + noise(),
}


@pytest.mark.parametrize("kind", FLAT)
def test_what_is_flat_passes(kind):
    found = judge(series(FLAT[kind]), 10.0)
    assert (found.status, found.text[:5]) == (0, "flat:")
    assert found.low <= found.slope <= found.high < 10


@pytest.mark.parametrize("kind", GROWS)
def test_what_grows_fails(kind):
    found = judge(series(GROWS[kind]), 10.0)
    assert found.status == 1
    assert "MB an hour" in found.text
    assert found.low > 10


def test_the_slope_is_that_of_the_series():
    found = judge(series(GROWS["steadily"]), 10.0)
    assert found.low < 30 < found.high
    assert found.high - found.low < 3


def test_handles_that_are_not_closed_fail():
    leak = judge(series(FLAT["noise"], 12 + HOUR // 300), 10.0)
    assert leak.status == 1
    assert "handles, from 19 to 23" in leak.text
    assert judge(series(FLAT["noise"], 12 + HOUR % 4), 10.0).status == 0  # one is open while it is written


def test_what_cannot_be_told_is_said():
    assert judge([], 10.0).status == 2
    assert judge(series(FLAT["noise"])[:30], 10.0).status == 2
    wild = judge(series(500 + noise(200)), 10.0)
    assert wild.status == 2
    assert wild.text.startswith("undecided, run longer")


def test_a_process_is_watched_until_it_ends(tmp_path):
    process = subprocess.Popen(["sleep", "0.3"], text=True)
    begun = time.monotonic()
    moments = watch(process, 20.0, 0.05, tmp_path / "soak.csv")
    assert time.monotonic() - begun < 10
    process.wait()
    assert moments
    assert all(m.megabytes > 0 and m.handles > 0 for m in moments)
    lines = (tmp_path / "soak.csv").read_text().splitlines()
    assert lines[0] == "seconds,megabytes,handles"
    assert len(lines) == len(moments) + 1
