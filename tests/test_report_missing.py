"""A member that went on without a number is lost as one that diverged is: said, counted, and never better."""

import json
from pathlib import Path
from typing import Any

import pytest

import report_folders as folders
from nashpath.report import compare_reports, load_run, run_headline
from nashpath.report.curves import strands
from nashpath.report.equal_cost import equal_cost
from nashpath.report.headline import ranking
from nashpath.report.outcome import Outcome
from nashpath.report.questions import questions
from nashpath.report.read import ReportMember, without
from nashpath.report.verdict import verdict
from run_folders import trained

SEEDS = 8
WHY = "2 of 1,000 samples are not finite"
HOW: dict[str, dict[str, Any]] = {
    "samples": {"metrics": {}, "missing": {"samples": WHY}},
    "refused": {"metrics": {"fid": None}, "missing": {"fid": WHY}},
    "null": {"metrics": {"fid": None}},
    "unrecorded": {"metrics": {}},  # as runs of earlier versions
}
"""How a folder says that a member has no FID."""


def study(path: Path, lost: dict[str, int], values: dict[str, float], how: str = "samples") -> Path:
    """Settings with so many members lost of 8, and numbers about their values, apart in every pair."""
    members, rows = [], []
    for arm, value in values.items():
        for seed in range(SEEDS):
            fid = value + 0.1 * seed + 0.01 * ((seed * len(arm)) % 3)
            end = HOW[how] if seed < lost.get(arm, 0) else {"metrics": {"fid": fid}}
            one = {"member": len(members), "seed": seed, "settings": {"penalty": arm}, "outcome": "finished"}
            members.append({**one, "steps": 9, **end})
            if seed >= lost.get(arm, 0):
                rows.append({"step": 9, "member": one["member"], "gradients": 18, "fid": fid})
    return folders.folder(path, members, rows)


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("lost", [1, 4, 6])
def test_a_setting_that_lost_more_members_to_missing_numbers_is_never_better(tmp_path: Path, lost: int, how: str):
    """However good the others are; and it is still worse where its others are, too."""
    run = load_run(study(tmp_path / "good", {"r1": lost}, {"none": 3.0, "r1": 1.0}, how))
    text = run_headline(run).text
    assert text.startswith(
        f"undecided between penalty = none and penalty = r1 ({lost} of 8 members without a number): FID"
    )
    assert any(f"{lost} member" in said and "without having diverged" in said for said in verdict(run)[1])
    assert (WHY in " ".join(verdict(run)[1])) == (how in ("samples", "refused"))
    worse = run_headline(load_run(study(tmp_path / "bad", {"r1": lost}, {"none": 1.0, "r1": 3.0}, how))).text
    assert worse.startswith("penalty = none is better than penalty = r1") == (SEEDS - lost > 2)


@pytest.mark.parametrize("how", ["samples", "refused", "null"])
def test_a_setting_of_which_no_member_could_be_measured_is_named(tmp_path: Path, how: str):
    parts = strands(load_run(study(tmp_path / "run", {"r1": SEEDS}, {"none": 3.0, "r1": 1.0}, how)))
    found = ranking(parts, [Outcome("done", "open")] * 2, [])
    assert found is not None
    assert found.text.startswith(
        "only penalty = none reached the end with a number; penalty = r1 could not be measured"
    )


def test_diverged_and_missing_are_counted_apart_and_together(tmp_path: Path):
    path = study(tmp_path / "run", {"r1": 3}, {"none": 3.0, "r1": 1.0})
    members = json.loads((path / "members.json").read_text())
    members[SEEDS]["outcome"] = "diverged: generator at step 4"
    (path / "members.json").write_text(json.dumps(members))
    assert "penalty = r1 (1 of 8 members diverged, 2 without a number)" in run_headline(load_run(path)).text


def test_the_same_share_of_missing_numbers_leaves_a_decision(tmp_path: Path):
    run = load_run(study(tmp_path / "run", {"none": 2, "r1": 2}, {"none": 3.0, "r1": 1.0}))
    assert run_headline(run).text.startswith("penalty = r1 (2 of 8 members without a number) is better than")


def test_what_was_never_to_be_measured_is_not_lost():
    """Members of a run that names no FID have none; members that are not at their end may not have been looked at."""
    others = [ReportMember(m, outcome="finished", metrics={"modes": 8}) for m in range(4)]
    assert without(others, "fid") == []
    waiting = [ReportMember(0, outcome="stopped", metrics={"fid": 1.0}), ReportMember(1, outcome="stopped")]
    assert without(waiting, "fid") == []


def test_comparisons_and_tables_say_how_many_could_not_be_measured(tmp_path: Path):
    good = study(tmp_path / "a", {}, {"none": 3.0})
    bad = study(tmp_path / "b", {"r1": 5}, {"r1": 1.0})
    page = compare_reports([good, bad], tmp_path / "c.html").read_text()
    assert "is better than" not in page
    assert "(n = 3; 5 could not be measured)" in page
    table, *_ = equal_cost(strands(load_run(study(tmp_path / "both", {"r1": 5}, {"none": 3.0, "r1": 1.0}))))
    assert table.rows[-1][-1].text.endswith("(3 of 8 pairs have one)")
    assert table.rows[1][-1].text.endswith("(3 of 8 have one)")


GENERATOR = """
import torch
import nashpath as nash


class Tail(torch.nn.Module):
    def __init__(self, latent, shape):
        super().__init__()
        self.own, self.shape = torch.nn.Linear(latent, torch.Size(shape).numel()), tuple(shape)

    def forward(self, z):
        return (self.own(z) + torch.where(z[:, :1] > 2, torch.inf, 0.0)).unflatten(1, self.shape)


@nash.register("generator", "tail_of_tests")
def tail(latent: int, shape: tuple[int, ...]) -> torch.nn.Module:
    \"\"\"Infinite where a latent is large.

    Reference: none.
    \"\"\"
    return Tail(latent, shape)
"""


@pytest.mark.parametrize("metrics", [[], ["fid"]])
def test_a_member_whose_samples_are_not_finite_says_so(tmp_path: Path, metrics: list[str]):
    """Of a normal latent 2.3 % lie above 2: of 1,000 samples between 10 and 40 are infinite, up to 1 in 100,000."""
    (tmp_path / "own.py").write_text(GENERATOR)
    raw = {"with": [str(tmp_path / "own.py")], "generator": "tail_of_tests", "data": "ring", "steps": 2}
    raw |= {"metrics": metrics, "features": "pixels", "evaluation_samples": 1000, "batch_size": 1, "compile": "off"}
    (member,) = trained(raw, tmp_path / "run").summary()
    bad = int(member["missing"]["samples"].split(" ")[0])
    assert 10 <= bad <= 40
    assert member["missing"]["samples"] == f"{bad} of 1,000 samples are not finite"
    assert ("fid" in member["missing"]) == bool(metrics)
    found = run_headline(load_run(tmp_path / "run"))
    assert (found.text, found.tone) == (f"its samples cannot be measured: {member['missing']['samples']}", "bad")
    good, *_ = questions(load_run(tmp_path / "run"))
    assert (good.word, "cannot be measured" in good.text) == ("no", True)


def test_a_member_that_can_be_measured_again_is_not_missing(tmp_path: Path):
    (member,) = trained(
        {"data": "ring", "steps": 2, "metrics": ["fid"], "features": "pixels"}, tmp_path / "run"
    ).summary()
    assert "missing" not in member
