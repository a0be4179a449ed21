"""A run that goes on with other data has no number of those before: it is measured again, or said to be missing."""

from pathlib import Path

import numpy as np
import pytest

from nashpath.report import load_run, run_headline, write_report
from nashpath.report.outcome import member_outcome
from nashpath.report.questions import questions
from nashpath.run import load, resume_session
from nashpath.run.assess.recorded import recorded
from nashpath.run.folder import identity
from nashpath.run.folder.identity import changed_data, identity_of, other_data
from run_folders import flags, members, nash, rows

RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(64, 2)).astype(np.float32)
AWAY = 300.0
"""How far away the other data are, from particles and samples within a few units of the origin."""
SETTINGS = {
    "train": flags("steps=8", "sample_every=4", "log_every=2", "evaluation_samples=64"),
    "flow": [
        f"-s{one}" for one in ("steps=8", "sample_every=4", "log_every=2", "evaluation_samples=64", "particles=64")
    ],
}
NUMBER = {"train": ("sliced_wasserstein", AWAY / 2**0.5), "flow": ("w2", AWAY)}
"""A number, and what it is of data that lie `AWAY` from samples about the origin: on a line, the root of half."""


def around(radius):
    """The points of a circle."""
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return (radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype(np.float32)


def begun(verb, by, run="run"):
    """A run at its end, on a circle of radius 1, its data by settings or in a file."""
    np.save("a.npy", around(1.0))
    data = {"settings": ["-sdata=ring", "-sdata.radius=1"], "file": ["-sdata=array", "-sdata.path=a.npy"]}[by]
    nash(verb, *SETTINGS[verb], *data, "--out", run)


def changed(by):
    """The settings that make its data a circle of radius `AWAY`."""
    np.save("a.npy", around(AWAY))
    return [("data.radius", AWAY)] if by == "settings" else []


def resume(verb, by, *more):
    given = [f"-s{key}={value}" for key, value in changed(by)]
    return nash(verb, "--resume", "--accept-changes", *given, *more, "--out", "run")


def stands_on(path):
    return identity_of({"data": {"kind": "folder", "path": str(path)}}, {}, [], "cpu")


@pytest.mark.parametrize(("files", "size"), [(1, 1_000_000), (300, 50)])
def test_one_byte_anywhere_makes_other_data(tmp_path, files, size, monkeypatch):
    """Of 300 files one in five was read, and of a large one its beginning, middle and end."""
    for k in range(files):
        (tmp_path / f"{k:03}.bin").write_bytes(RNG.bytes(size))
    before = stands_on(tmp_path)
    assert changed_data(before, stands_on(tmp_path)) == []
    older = {**before, "data": {key: v for key, v in before["data"].items() if key != "content"}}
    for file, at in zip(RNG.integers(files, size=6), RNG.integers(size, size=6)):
        path = tmp_path / f"{file:03}.bin"
        kept = path.read_bytes()
        path.write_bytes(kept[:at] + bytes([kept[at] ^ 1]) + kept[at + 1 :])
        now = stands_on(tmp_path)
        assert changed_data(before, now) == ["data: the content of files differs"]
        assert other_data(before, now)
        assert changed_data(older, now) in ([], ["data: the content of files differs"])  # a sample is what it kept
        path.write_bytes(kept)
    monkeypatch.setattr(identity, "READ_WHOLE", 10)
    assert changed_data(before, stands_on(tmp_path)) == []


CASES = [(verb, by) for verb in SETTINGS for by in ("settings", "file")]


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("verb", "by"), CASES)
@pytest.mark.parametrize("more", [0, 1, 6])
def test_numbers_are_of_the_data_that_the_run_has_now(tmp_path, monkeypatch, verb, by, more):
    monkeypatch.chdir(tmp_path)
    begun(verb, by)
    (before,), (key, expected) = members(Path("run")), NUMBER[verb]
    assert before["metrics"][key] < 10
    resume(verb, by, f"-ssteps={8 + more}")
    (now,) = members(Path("run"))
    assert now["metrics"][key] == pytest.approx(expected, rel=0.1)
    assert now["metrics"].keys() >= {key}
    assert not now.get("missing")
    found = load_run("run")
    assert found.data_since == 8
    looks = [row[key] for row in found.rows if row["step"] >= 8 and row.get(key) is not None]
    assert looks[1] == pytest.approx(expected, rel=0.1)
    assert all(row["step"] > 8 for row in found.rows_now[0])
    assert np.abs(found.reference["real"]).max() > AWAY / 2
    said = run_headline(found)
    assert said.tone != "good"
    assert f"{before['metrics'][key]:.4g}" not in said.text
    nash(verb, "--resume", "--out", "run")
    assert members(Path("run")) == [now]


@pytest.mark.long(first=True)
@pytest.mark.filterwarnings("ignore:.*networks begin near 1")
@pytest.mark.parametrize("by", ["settings", "file"])
@pytest.mark.parametrize("end", ["killed", "stopped"])
def test_until_it_is_measured_again_the_numbers_are_missing_and_why_is_said(tmp_path, monkeypatch, by, end):
    monkeypatch.chdir(tmp_path)
    begun("train", by)
    session = resume_session("run", changed(by), accept_changes=True)
    if end == "stopped":
        session.stop = lambda: True
        session.train()
    else:
        session.store.release()
    (one,) = members(Path("run"))
    assert (one["metrics"], one["steps"], one["outcome"]) == ({}, 8, "finished" if end == "stopped" else "stopped")
    assert set(one["missing"].values()) == {"it was measured on the data of before step 8, and not yet on those of now"}
    found = load_run("run")
    assert found.data_since == 8
    assert found.reference == {}
    assert "no number says how good the samples are: it was measured on the data of before step 8" in (
        member_outcome(found, found.members[0]).text
    )
    assert "was measured on the data of before step 8" in write_report("run").read_text()
    nash("train", "--resume", "--out", "run")
    (one,) = members(Path("run"))
    assert one["metrics"]["sliced_wasserstein"] == pytest.approx(AWAY / 2**0.5, rel=0.1)
    assert not one.get("missing")


@pytest.mark.long
def test_a_change_that_is_taken_back_before_it_was_written_leaves_the_numbers_as_they_were(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begun("train", "settings")
    before = members(Path("run"))
    with monkeypatch.context() as patch:
        patch.setattr("nashpath.run.training.session.Session.checkpoint", lambda session: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            resume_session("run", changed("settings"), accept_changes=True)
    assert members(Path("run"))[0]["metrics"] == {}
    nash("train", "--resume", "-sdata.radius=1.0", "--accept-changes", "--out", "run")
    assert members(Path("run")) == before
    assert load_run("run").data_since == 0
    assert rows(Path("run"))[-1]["sliced_wasserstein"] == before[0]["metrics"]["sliced_wasserstein"]


VERBS = {"evaluation": ("evaluate", "--samples", 64), "diagnosis": ("diagnose", "--quick")}


@pytest.mark.long
@pytest.mark.parametrize("what", VERBS)
@pytest.mark.parametrize("more", [0, 6])
def test_an_assessment_of_other_data_is_outdated_until_it_is_made_again(tmp_path, monkeypatch, what, more):
    monkeypatch.chdir(tmp_path)
    begun("train", "settings")
    verb, *options = VERBS[what]
    nash(verb, "run", *options)
    resume("train", "settings", f"-ssteps={8 + more}")
    gone = (
        "Made at step 8; the member has gone on to step 14 since."
        if more
        else ("Made before the run went on with other data at step 8.")
    )
    assert f"{gone} Run nashpath {verb} again." in write_report("run").read_text()
    assert recorded(Path("run"), 0, load("run"))[what] is None
    if what == "diagnosis":
        assert {one.question: one.word for one in questions(load_run("run"))}["What next?"] == "diagnose it again"
    nash(verb, "run", *options)
    page = write_report("run").read_text()
    assert "Made before" not in page
    assert "Made at step" not in page
    assert recorded(Path("run"), 0, load("run"))[what] is not None
    nash("train", "--resume", "--out", "run")
    assert "Made before" not in write_report("run").read_text()


def test_looks_of_before_the_change_say_nothing_of_how_the_run_improves(tmp_path):
    """Costs that stood still, numbers that got better, and numbers at equal cost."""
    import report_folders as folders
    from nashpath.report.curves import strands
    from nashpath.report.equal_cost import _evaluations
    from nashpath.report.questions import _still_better
    from nashpath.report.verdict import _still

    def made(name, **info):
        told = [
            {"step": k, "member": 0, "gradients": k, "sliced_wasserstein": 40.0 - k, "cost.generator": float(k < 20)}
            for k in range(40)
        ]
        end = {"member": 0, "seed": 0, "outcome": "finished", "steps": 39, "metrics": {"sliced_wasserstein": 1.0}}
        return load_run(folders.folder(tmp_path / name, [end], told, {"steps": 39, **info}))

    same, other = made("same"), made("other", data_since=36)
    assert _still_better(same, same.members)
    assert _still_better(other, other.members) is None
    assert _still(same)
    assert not _still(other)
    (whole,), (left,) = (_evaluations(strands(one)[0], ["sliced_wasserstein"]).values() for one in (same, other))
    assert (len(whole), [row["step"] for row in left]) == (40, [37, 38, 39])
