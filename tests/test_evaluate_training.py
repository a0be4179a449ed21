"""Metrics through training: their rows, curves and verdicts; refused early; they change nothing; what they cost."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.strategies import booleans, floats, integers

from nashpath.data import Digits
from nashpath.metrics.evaluate import compare_samples
from nashpath.run import SettingError, open_session, resume_session
from nashpath.run.folder.checkpoint import restore_member
from nashpath.run.observe import metrics as reference_set
from nashpath.run.observe.snapshot import samples, samples_together
from nashpath.run.training import recorder as aside
from nashpath.run.training import session as session_room
from nashpath.run.training.recorder import Stopwatch
from nashpath.run.training.session import EVALUATING, Timetable
from run_folders import assert_same, assert_same_run, flags, members, nash, rows, small, tensors, trained

MEASURED = {"metrics": ["fid", "precision_recall"], "evaluate_every": 8, "evaluation_samples": 30}
NUMBERS = {"fid", "precision", "recall"}


@pytest.fixture(autouse=True, scope="module")
def usual_grace():
    """As in the package: `conftest.py` gives all other tests time without end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_room, "GRACE", 0.1)
        yield


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(reference_set, "DRAWN", 500)


def test_the_numbers_are_those_of_the_metrics_at_the_steps_asked_for(tmp_path):
    trained(small(data={"kind": "digits"}, seeds=[4], **MEASURED), tmp_path)
    found = [row for row in rows(tmp_path) if "fid" in row]
    assert [row["step"] for row in found] == [0, 8, 16, 20]
    trial, train_state = restore_member(tmp_path)
    fake = samples(trial, train_state, 4, 30)
    expected = compare_samples(
        Digits("train").examples(), fake, MEASURED["metrics"], "digits", split="digits, train", seed=4
    )
    for m in expected:
        assert found[-1][m.name] == pytest.approx(m.value, rel=1e-9)
        assert members(tmp_path)[0]["metrics"][m.name] == found[-1][m.name]
    facts = json.loads((tmp_path / "run.json").read_text())
    assert {name for entry in facts["metrics"] for name in entry["numbers"]} == NUMBERS
    assert facts["metrics"][0]["reference"] == expected[0].protocol.reference
    assert facts["evaluate_seconds"] > 0


def test_the_report_draws_them_and_the_verdict_names_them(tmp_path):
    nash("train", *flags("metrics=prdc", "features=pixels"), "--out", tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text()
    assert '"key":"coverage"' in text
    assert "<p>Coverage: " in text


def test_a_measured_run_trains_as_an_unmeasured_one(tmp_path):
    trained(small(evaluation_samples=30), tmp_path / "plain")
    trained(small(**MEASURED), tmp_path / "measured")
    assert_same(tensors(tmp_path / "plain"), tensors(tmp_path / "measured"))
    kept = [{k: v for k, v in row.items() if k not in NUMBERS} for row in rows(tmp_path / "measured")]
    assert [row for row in kept if len(row) > 3] == rows(tmp_path / "plain")


@pytest.mark.long
def test_a_resumed_run_measures_as_an_uninterrupted_one(tmp_path):
    trained(small(seeds=[0, 1], **MEASURED), tmp_path / "whole")
    first = open_session(small(seeds=[0, 1], **MEASURED), {}, tmp_path / "parts")
    first.stop = lambda: first.taken >= 11
    assert first.train() == "stopped"
    assert resume_session(tmp_path / "parts", []).train() == "finished"
    assert_same_run(tmp_path / "whole", tmp_path / "parts")
    again = resume_session(tmp_path / "parts", [("steps", 24), ("metrics", "modes"), ("evaluate_every", 0)])
    again.train()
    assert "high_quality" in rows(tmp_path / "parts")[-1]


def test_programs_of_one_run_share_the_real_samples(tmp_path):
    session = open_session(small(**MEASURED), {"generator.width": [4, 6]}, tmp_path)
    one, other = (team.reference_set for team in session.groups)
    assert one is not None
    assert one is other
    session.train()
    assert len(json.loads((tmp_path / "run.json").read_text())["metrics"]) == 2


REFUSED = {
    "unknown": ({"metrics": ["fdi"]}, "metrics.*fdi"),
    "text": ({"metrics": "fid, kdi"}, "kdi"),
    "features": ({"metrics": ["fid"], "features": "digit"}, "Did you mean 'digits'"),
    "inception": ({"metrics": ["fid"], "features": "inception"}, "download_inception"),
    "data": ({"metrics": ["stacked_modes"]}, "metrics: stacked_modes needs the data's digits"),
    "points": ({"metrics": ["fid"], "features": "digits"}, "metrics: digits features need images"),
    "endless": ({"metrics": ["memorisation"]}, "draw new ones"),
    "few": ({"metrics": ["prdc"], "evaluation_samples": 2}, "metrics: .*at least"),
    "toy": ({"metrics": ["fid"], "game": "bilinear"}, "no samples to measure"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_measured_is_refused_before_training(tmp_path, what):
    changes, words = REFUSED[what]
    raw = {"steps": 2, "compile": "off", **changes} if "game" in changes else small(**changes)
    with pytest.raises(SettingError, match=words):
        open_session(raw, {}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_samples_that_are_not_finite_leave_the_numbers_empty(tmp_path, monkeypatch):
    session = open_session(small(**MEASURED), {}, tmp_path)
    monkeypatch.setattr(session.recorder, "_seen", lambda *asked: (torch.full((30, 2), torch.nan), {}))
    session.train()
    assert [row["fid"] for row in rows(tmp_path) if "fid" in row] == [None] * 4
    assert members(tmp_path)[0]["metrics"]["precision"] is None
    assert members(tmp_path)[0]["metrics"]["modes"] is not None


def test_a_metric_that_is_named_replaces_the_one_that_is_always_measured(tmp_path):
    trained(small(metrics=["sliced_wasserstein"], evaluate_every=5), tmp_path)
    steps = [row["step"] for row in rows(tmp_path) if "sliced_wasserstein" in row]
    assert steps == [0, 5, 10, 15, 20]


def test_too_much_time_for_evaluating_is_said_once_with_what_to_change(tmp_path, monkeypatch):
    monkeypatch.setattr(aside, "SHARE", 0.0)
    monkeypatch.setattr(aside, "LEAST_SECONDS", 0.0)
    said = nash("train", *flags("sample_every=5"), "--out", tmp_path / "run").stderr
    assert said.count("warning: evaluating took") == 1
    (warning,) = json.loads((tmp_path / "run" / "run.json").read_text())["warnings"]
    assert "set sample_every higher" in warning
    assert warning.split(",")[0] in (tmp_path / "run" / "report.html").read_text()


def test_the_share_of_the_time_decides_and_the_largest_activity_what_is_advised():
    often = {"look": 9, "measure": 9, "watch": 9, "log": 9}
    assert Stopwatch({"look": 15.0, "measure": 4.0}, often).excess(100.0) == ""
    assert "sample_every" in Stopwatch({"look": 15.0, "measure": 6.0}, often).excess(100.0)
    assert "evaluate_every" in Stopwatch({"look": 5.0, "measure": 16.0}, often).excess(100.0)
    assert "diagnose_every" in Stopwatch({"watch": 21.0}, often).excess(100.0)
    assert Stopwatch({"log": 90.0}, often).excess(100.0) == ""
    assert Stopwatch({"look": 9.0}, often).excess(1.0) == ""
    assert Stopwatch({"look": 21.0}, {"look": 3}).excess(100.0) == ""
    done = Stopwatch()
    done.do("look", lambda: None)
    assert done.times == {"look": 1}
    assert np.isfinite(done.evaluating)


@given(
    once=floats(1e-4, 100),
    step=floats(1e-5, 10),
    some=floats(0.01, 1),
    total=integers(1, 100_000),
    usual=integers(1, 1000),
    second=booleans(),
    whole=booleans(),
)
def test_evaluation_nobody_asked_for_stays_within_its_share(once, step, some, total, usual, second, whole):
    """Whether it is settled at the evaluation at the start, or at the ``second`` one, which is then counted as well."""
    schedule = Timetable.__new__(Timetable)
    schedule.total, schedule.usual, schedule.rarer, schedule.few = total, min(usual, total), 1, False
    done, spent = 1 + second, 2 * (1 + second) * once * (1.0 if whole else some)  # they also paid for what is done once
    said = schedule.settle(once, step, some, done, spent)
    period = schedule.rarer * schedule.usual
    between = len(range(period, total, period))
    allowed = max(session_room.GRACE, EVALUATING * step * total)
    each, ends = (some * once if schedule.few else once), spent + once
    later = between - (schedule.rarer == 1 and second)  # the second one is then one of them
    assert later <= 0 or later * each + ends <= allowed * (1 + 1e-9)
    assert bool(said) == (schedule.rarer > 1 or schedule.few)
    if said:
        assert ("at most 5%" in said) == (between * each + ends <= EVALUATING * step * total)
    if schedule.rarer > 1:  # it is no rarer than it must be
        oftener = (schedule.rarer - 1) * schedule.usual
        assert len(range(oftener, total, oftener)) * each + ends > allowed * (1 - 1e-9)


@pytest.mark.long
def test_where_looks_at_all_members_are_too_many_those_shown_are_looked_at_and_all_at_the_end(tmp_path, monkeypatch):
    """Nothing else of the run is another: the last rows are those of a run that looked at all members each time."""
    many = {"seeds": list(range(20)), "steps": 8, "sample_every": 0, "compile": "off", "stack": "on"}
    monkeypatch.setattr(session_room, "GRACE", 1e9)
    trained(small(**many), tmp_path / "all")
    monkeypatch.setattr(session_room, "AT_START", 19)
    monkeypatch.setattr(session_room, "LEAST_LOOKS", 10**9)
    settle = Timetable.settle  # seven looks in between: at 100 s for all and 80 s for 16 of 20, 800 s do for the latter
    monkeypatch.setattr(Timetable, "settle", lambda own, once, step, some, *done: settle(own, 100.0, step, some))
    monkeypatch.setattr(Timetable, "allowed", lambda own, step: 800.0 if own.settled else 0.0)
    trained(small(**many), tmp_path / "few")

    def looked(folder, step):
        return [row for row in rows(folder) if row["step"] == step and "modes" in row]

    for step in (0, 4):
        assert len(looked(tmp_path / "all", step)) == 20
        assert len(looked(tmp_path / "few", step)) == 16
    untimed = [[row | {"train_seconds": 0} for row in looked(tmp_path / run, 8)] for run in ("all", "few")]
    assert untimed[0] == untimed[1]
    assert len(untimed[0]) == 20
    (said,) = json.loads((tmp_path / "few" / "run.json").read_text())["warnings"]
    assert "all members are evaluated at the end, and those that are shown every" in said
    assert steps_of_looks(tmp_path / "few") == steps_of_looks(tmp_path / "all")


def steps_of_looks(folder):
    return [int(path.stem.split("-")[1]) for path in sorted((folder / "samples").iterdir())]


@pytest.mark.long
def test_looks_that_take_long_are_rarer_unless_their_number_was_chosen(tmp_path, monkeypatch):
    """It is said once, kept in the run folder, and a run that is resumed goes on at the same steps."""
    monkeypatch.setattr(session_room, "GRACE", 0.0)
    monkeypatch.setattr(session_room, "EVALUATING", 1e-9)
    trained(small(steps=40, sample_every=0), tmp_path / "free")
    assert steps_of_looks(tmp_path / "free") == [0, 40]  # the usual ones are every 2 steps
    (warning,) = json.loads((tmp_path / "free" / "run.json").read_text())["warnings"]
    assert "sample_every" in warning
    trained(small(steps=40, sample_every=20), tmp_path / "chosen")
    assert steps_of_looks(tmp_path / "chosen") == [0, 20, 40]

    toy = {"game": "bilinear", "steps": 40, "compile": "off"}
    trained(toy, tmp_path / "toy")  # nothing is evaluated there: its path has fewer points, which warns nobody
    assert steps_of_looks(tmp_path / "toy") == [0, 1, 40]
    assert json.loads((tmp_path / "toy" / "run.json").read_text())["warnings"] == []
    trained({**toy, "diagnostics": ["rotation"]}, tmp_path / "watched")
    assert json.loads((tmp_path / "watched" / "run.json").read_text())["warnings"]

    half = open_session(small(steps=40, sample_every=0), {}, tmp_path / "resumed")
    half.stop = lambda: half.taken >= 10
    half.train()
    monkeypatch.setattr(session_room, "GRACE", 1e9)
    resume_session(tmp_path / "resumed", []).train()
    assert steps_of_looks(tmp_path / "resumed") == [0, 40]


def test_what_was_settled_holds_for_the_same_steps_and_metrics_alone(tmp_path):
    schedules = [
        Timetable(open_session(small(steps=steps, sample_every=0, **more), {}, tmp_path / str(k)).recorder)
        for k, (steps, more) in enumerate([(40, {}), (40, {}), (400, {}), (40, {"metrics": ["fid"]})])
    ]
    schedules[0].settle(100.0, 1e-3)
    assert schedules[0].rarer > 1
    for schedule, same in zip(schedules, (True, True, False, False)):
        schedule.resettle(schedules[0].settlement())
        assert schedule.settled == same


def test_metrics_are_where_samples_are_saved_if_that_was_chosen(tmp_path):
    assert Timetable(open_session(small(sample_every=5, **MEASURED), {}, tmp_path / "a").recorder).free == set()


@pytest.mark.long(first=True)
@pytest.mark.parametrize("more", [{}, {"average": "ema"}, {"average": "post_hoc"}, {"generator.norm": "batch"}])
def test_samples_of_a_stack_are_those_of_each_member(tmp_path, more):
    """Also the second time, of latents that were kept, and of weights and statistics that are averages."""
    session = open_session(small(seeds=[3, 4, 5], stack="on", **nested(more)), {}, tmp_path / "run")
    session.train()
    (group,) = session.groups
    program, kept = group.program, {}
    states = [program.train_state(i) for i in range(3)]
    for _ in range(2):
        together = samples_together(program.trials, states, [3, 4, 5], 50, kept)
        for seed, trial, state, found in zip([3, 4, 5], program.trials, states, together):
            torch.testing.assert_close(found, samples(trial, state, seed, 50), rtol=1e-5, atol=1e-5)
    assert len(kept) == 3


def nested(flat):
    """Dotted keys as the tables of a file."""
    return {key.split(".")[0]: {"kind": "mlp", key.split(".")[1]: v} if "." in key else v for key, v in flat.items()}
