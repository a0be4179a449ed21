"""The committed results are what the committed rows say, and the pages say the same."""

import itertools
import json
import math
import re
import runpy
import tomllib
from pathlib import Path

import pytest

from nashpath.report import results, write_results
from nashpath.report.draw import as_png
from nashpath.report.reproduction import has_moved_on
from nashpath.report.results import summary
from nashpath.studies import NAMES, SCALES, Result, find_study, judge_all

ROOT = Path(__file__).parent.parent
NEWEST = {path.parent.name: path.parent for path in sorted(ROOT.glob("results/*/*/study.json"))}
"""The newest committed result of each study; studies are measured when they must be, not all on one day."""


REAL = {path.parent.name: path.parent for path in sorted(ROOT.glob("results/real/*/*/study.json"))}
"""The newest committed result of each study that was measured on real data."""


def in_order():
    """The newest results in the order of the studies."""
    return [NEWEST[name] for name in NAMES]


def test_every_study_has_a_committed_result():
    assert set(NEWEST) == set(NAMES)


def test_studies_are_found_by_their_folders_and_named_like_them():
    assert [find_study(name).name for name in NAMES] == list(NAMES)
    assert NAMES[:2] == ("many-paths", "improved-techniques")


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    "folder",
    [
        *(pytest.param(folder, id=folder.name) for folder in NEWEST.values()),
        *(pytest.param(folder, id=f"{folder.name} (real)") for folder in REAL.values()),
    ],
)
def test_the_rows_give_the_verdicts(folder):
    found = json.loads((folder / "study.json").read_text())
    study = find_study(found["from"])
    moved_on = has_moved_on(found)
    if moved_on and found["scale"] == "real":
        assert moved_on in (ROOT / "docs" / "results_real.md").read_text()
        return
    if moved_on:  # then nothing of it may be told as the study's present state
        assert moved_on in (ROOT / "docs" / "results.md").read_text()
        assert f"| {found['study']} (claims of {found['started'][:10]}) |" in (ROOT / "README.md").read_text()
        return
    result = Result(study, found["scale"], folder)
    judged = {v.claim.name: v for v in judge_all(study.claims_at(found["scale"]), result.rows())}
    assert set(judged) == {claim["name"] for claim in found["claims"]}
    assert found["status"] == "finished"
    assert not found["changed_since"]
    for claim in found["claims"]:
        verdict = judged[claim["name"]]
        assert verdict.word == claim["verdict"]
        assert verdict.claim.criterion == claim["criterion"] == found["registered"][claim["name"]]
        kept = [math.nan if number is None else number for number in (claim["mean"], *claim["interval"])]
        found_here = [verdict.mean, verdict.low, verdict.high]
        assert found_here == pytest.approx(kept, rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.long
def test_the_page_of_results_is_up_to_date(tmp_path, monkeypatch):
    """Every figure is laid out from the committed rows; every eighth becomes pixels, which is what takes time."""
    turn = itertools.count()
    monkeypatch.setattr(results, "as_png", lambda canvas, dpi: b"" if next(turn) % 8 else as_png(canvas, dpi))
    fresh = write_results(in_order(), tmp_path / "results.md").read_text()
    assert (ROOT / "docs" / "results.md").read_text() == fresh
    for picture in re.findall(r"\((figures/[^)]+)\)", fresh):
        assert (ROOT / "docs" / picture).exists(), picture


def test_the_page_of_results_on_real_data_is_up_to_date(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "as_png", lambda canvas, dpi: b"")
    fresh = write_results([REAL[name] for name in NAMES if name in REAL], tmp_path / "results_real.md").read_text()
    assert (ROOT / "docs" / "results_real.md").read_text() == fresh
    for picture in re.findall(r"\((figures/[^)]+)\)", fresh):
        assert (ROOT / "docs" / picture).exists(), picture


def test_the_readme_has_the_table():
    table = summary([json.loads((folder / "study.json").read_text()) for folder in in_order()])
    assert table in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_every_study_is_complete(name):
    """Every scale that it has, has claims; every claim says where it stands; sizes grow with the scale."""
    study = find_study(name)
    for scale in SCALES:
        assert study.experiments_at(scale) or scale in ("real", "full")
        assert bool(study.claims_at(scale)) == bool(study.experiments_at(scale))
        rests = {experiment.name for experiment in study.experiments_at(scale)}
        assert {claim.experiment for claim in study.claims_at(scale)} <= rests
    for claim in study.claims:
        assert claim.source
        assert claim.quantity
        assert claim.says.endswith(".")
    for experiment in study.experiments:
        assert experiment.figures, experiment.name
        if {"quick", "default"} <= set(experiment.sizes):
            assert experiment.sizes["quick"].steps <= experiment.sizes["default"].steps


def test_every_verdict_that_changed_has_its_reason_and_the_page_says_them():
    made = runpy.run_path(str(ROOT / "scripts" / "results_changed.py"))
    reasons = tomllib.loads((ROOT / "results" / "changes.toml").read_text())
    assert {study: list(found) for study, found in reasons.items() if study not in made["JUDGED"]} == {}
    for study in made["JUDGED"]:
        assert set(reasons[study]) == set(made["changed"](study))
    assert (ROOT / "docs" / "results_changed.md").read_text() == made["page"]()


def test_what_is_advised_by_the_studies_has_the_claims_verdicts():
    """``(study: `claim` verdict, `claim` verdict)`` behind a sentence, in the last section of the page of advice."""
    section = (ROOT / "docs" / "choose.md").read_text().partition("## What the studies add")[2]
    told = re.findall(rf"\(({'|'.join(NAMES)}):([^)]+)\)", section)
    named = [(study, *one) for study, words in told for one in re.findall(r"`([\w-]+)`\s+(\w+)", words)]
    assert len(named) > 10
    for bullet in re.split(r"\n- ", section)[1:]:
        assert re.search(rf"\(({'|'.join(NAMES)}):", bullet), bullet[:60]
    for study, claim, verdict in named:
        judged = json.loads((NEWEST[study] / "study.json").read_text())["claims"]
        assert {one["name"]: one["verdict"] for one in judged}[claim] == verdict, claim
