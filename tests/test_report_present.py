"""Answers are of the step that a run is at, and of numbers that move by more than noise."""

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kendalltau

from nashpath.core.math.trend import rise_chance
from nashpath.report import write_report
from nashpath.report.questions import questions
from nashpath.report.read import ReportMember, Run
from test_report_questions import COLLAPSED, STILL, answers, diagnosed, run

FOUND = {
    "collapse": {"findings": [("mode collapse", COLLAPSED)]},
    "spread": {"spread": 0.97, "growing": False},
    "tried": {"findings": [("rotation", "so")], "tried": [{"change": "R1 of 1", "motion": "closes in"}]},
    "moving": {"play": "still moving"},
    "nothing": {},
}


@pytest.mark.parametrize("step", [3000, 30, 5000])
@pytest.mark.parametrize("kind", FOUND)
def test_a_diagnosis_of_another_step_answers_nothing(tmp_path: Path, kind: str, step: int):
    """As of a run that was never diagnosed, but that it is said; one of this step answers."""
    seen = diagnosed(**FOUND[kind])
    seen["members"][0]["step"] = step
    found = answers(run(tmp_path / "run", STILL, modes=6, diagnosis=seen))
    bare = answers(run(tmp_path / "bare", STILL, modes=6))
    assert (found["What next?"] == bare["What next?"]) is False
    if step == 3000:
        assert "again" not in found["What next?"][0]
        return
    assert found["Is it collapsing?"] == bare["Is it collapsing?"]
    assert found["Is it good?"] == bare["Is it good?"]
    word, text = found["What next?"]
    assert word == "diagnose it again"
    assert f"Made at step {step:,}; the member has gone on to step 3,000 since" in text


@pytest.mark.parametrize(("step", "word"), [(3000, "partly"), (30, "undecided")])
def test_an_evaluation_of_another_step_answers_nothing(tmp_path: Path, step: int, word: str):
    group = {"members": [0], "steps": [step], "settings": {}, "failed": {}, "protocols": []}
    group |= {"numbers": [{"name": "recall", "mean": 0.3, "real": 0.8, "values": [0.3], "low": 0.3, "high": 0.3}]}
    path = run(tmp_path / "run", STILL, evaluation={"groups": [group]})
    assert answers(path)["Is it collapsing?"][0] == word
    page = write_report(path).read_text()
    assert (f"Made at step {step:,}; the member has gone on to step 3,000" in page) == (step != 3000)


def test_a_run_that_goes_on_is_at_the_step_of_its_last_row(tmp_path: Path):
    """Its members.json is of the time before it was resumed, as the diagnosis is."""
    seen = diagnosed(**FOUND["collapse"])
    path = run(tmp_path / "run", STILL, modes=6, diagnosis=seen, status="running")
    with (path / "metrics.jsonl").open("a") as rows:
        rows.write(json.dumps({"step": 4000, "member": 0, "sliced_wasserstein": 0.2}) + "\n")
    assert answers(path)["Is it collapsing?"][0] == "partly"


def test_the_members_whose_diagnosis_is_of_this_step_are_named(tmp_path: Path):
    seen = diagnosed(**FOUND["spread"])
    seen["members"].append({**seen["members"][0], "member": 1, "step": 30})
    path = run(tmp_path / "run", STILL, diagnosis=seen)
    (one,) = json.loads((path / "members.json").read_text())
    (path / "members.json").write_text(json.dumps([one, {**one, "member": 1, "seed": 1}]))
    assert "the diagnosis of member 0 found nothing wrong" in answers(path)["What next?"][1]


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6])
def test_the_chance_of_a_rise_is_its_share_of_all_orders(n: int):
    every = [sum(a < b for i, a in enumerate(order) for b in order[i + 1 :]) for order in permutations(range(n))]
    for order, rising in zip(permutations(range(n)), every):
        assert rise_chance(order) == pytest.approx(np.mean([other >= rising for other in every]))


def test_ties_never_make_a_rise():
    assert rise_chance([2.0] * 9) == pytest.approx(1)
    assert rise_chance([0, 0, 1, 1]) > rise_chance([0, 1, 2, 3]) == pytest.approx(1 / 24)


@pytest.mark.parametrize("n", [10, 50, 51, 120])
def test_the_chance_of_a_rise_is_that_of_kendalls_rank_correlation(n: int):
    """The exact one of another program; the normal limit of many values is within 0.003 of it."""
    rng = np.random.default_rng(n)
    for slope in (-0.02, 0, 0.01, 0.05):
        values = rng.normal(size=n) + slope * np.arange(n)
        exact: Any = kendalltau(np.arange(n), values, alternative="greater", method="exact")
        assert rise_chance(values) == pytest.approx(exact.pvalue, abs=1e-9 if n <= 50 else 0.003)


def improving(rng: np.random.Generator, looks: int, members: int, fall: float) -> bool:
    """Whether it is said of a number that falls by so many deviations of its noise, steadily, to a plateau at 0."""
    kept = [ReportMember(m, outcome="finished", steps=looks, metrics={"fid": 1.0}) for m in range(members)]
    rows = [
        {"step": k, "member": m, "fid": 50 - fall * k / looks + rng.normal()}
        for m in range(members)
        for k in range(looks)
    ]
    info = {"status": "finished", "steps": looks}
    *_, after = questions(Run(Path("run"), "run", info, {"steps": looks}, kept, rows))
    return "was still improving" in after.text


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("looks", [8, 21])
def test_noise_is_seldom_said_to_improve_and_what_improves_is(looks: int, members: int):
    """Of 200 runs of white noise 5 % are promised: 10, and 20 is beyond the .999 quantile of that. A fall by 40
    deviations of the noise, 10 of them in each quarter, is said in all but 2 of 40 at least."""
    rng = np.random.default_rng(0)
    assert sum(improving(rng, looks, members, 0.0) for _ in range(200)) <= 20
    assert sum(improving(rng, looks, members, 40.0) for _ in range(40)) >= 38
