"""Every study runs: in one miniature, all cells are measured, all claims get a word, and the identities hold."""

import inspect
import itertools
import json
import re

import pytest

from nashpath.studies import NAMES, Course, Population, Result, find_study, judge, reproduce
from nashpath.studies.convergence_problems import finite_games
from nashpath.studies.course import Paused, keeping
from nashpath.studies.monoflow import particle_monoflow
from nashpath.studies.result import read_json

MINIATURE = {
    "seeds": 2,
    "steps": 4,
    "batch": 8,
    "width": 8,
    "widths": [8, 8],
    "samples": 64,
    "counts": [64, 128],
    "looks": 1,
    "pretraining": 10,
    "warm_up": 5,
    "alone": 8,
    "critic_steps": 2,
    "rates": [1e-3],
    "plain_labels": [10, 20],
    "minibatch_labels": [10],
    "labelled": 20,
    "kernels": [4, 2],
    "search": 2,
    "resolution": 100,
}
"""The least of everything; a study takes what it knows of."""

OWN = {
    "conjugate-gradient": {"rates": {"constant": [0.1, 0.03]}, "own_rates": {"Adam": [1e-3, 1e-4]}, "steps": 10},
    "convergence-problems": {"looks": 2, "steps": 10},
    "monoflow": {"steps": 10},
}
"""Where that is too little: spreads need two settings, growth two looks; the rates of flows rise as 1 over steps."""

WHERE_PLAY_ENDS = {"saddle-reached", "saddle-reached-at-notebook-rates", "saddle-faster-than-descent"}
"""Exact, for nothing is drawn, but true of whole runs only; test_study_conjugate_gradient.py measures those."""


@pytest.mark.long
@pytest.mark.parametrize("name", NAMES)
def test_a_study_runs_in_miniature(name, tmp_path, monkeypatch):
    """And what a cell sweeps are numbers: one program, however many members."""
    programs, build = [], Population.__init__

    def counted(self, *given, **options):
        build(self, *given, **options)
        programs.append(len(self.groups))

    monkeypatch.setattr(Population, "__init__", counted)
    monkeypatch.setattr(finite_games, "HORIZONS", (16, 32, 64))
    monkeypatch.setattr(particle_monoflow, "PARTICLES", 64)
    monkeypatch.setattr(particle_monoflow, "REFERENCES", 128)
    study = find_study(name)
    sizes = [experiment.sizes["quick"] for experiment in study.experiments_at("quick")]
    known = {"seeds", "steps", *(key for size in sizes for key in size.options)}
    options = {key: value for key, value in {**MINIATURE, **OWN.get(name, {})}.items() if key in known}
    verdicts = reproduce(name, "quick", tmp_path, options=options)
    record = read_json(tmp_path / "study.json")
    assert (record["status"], record["failed"]) == ("finished", {})
    assert [verdict.claim for verdict in verdicts] == study.claims_at("quick")
    assert {verdict.word for verdict in verdicts} == {"not judged"}
    rows = Result(study.adjusted("quick", options), "quick", tmp_path, options=options).rows()
    for claim in study.claims_at("quick"):
        word = judge(claim, rows.get(claim.experiment)).word
        if not claim.exact:
            assert word == "inconclusive", claim.name  # two seeds decide nothing
        elif claim.name not in WHERE_PLAY_ENDS:
            assert word == "supported", claim.name
    assert set(programs) <= {1}
    for experiment in study.experiments_at("quick"):
        for cell in range(len(experiment.cells)):
            rows = read_json(tmp_path / "cells" / f"{experiment.name}.{cell}.json")["rows"]
            assert rows, experiment.name
            assert {row.get("seed") for row in rows} in ({0, 1}, {0}, {None}), experiment.name


TINY = {
    "seeds": 2,
    "steps": 2,
    "batch": 8,
    "width": 2,
    "widths": [2, 2],
    "latent": 4,
    "samples": 320,
    "critic_steps": 1,
    "labels": [10],
    "rates": [1e-3],
    "device": "cpu",
}
OWN_TINY = {"conjugate-gradient": {"rates": {"constant": [0.1, 0.03, 0.01]}, "own_rates": {}}}


CONVOLVE = ("real-coloured-mnist", "real-mnist-grid", "real-few-labels-mnist")
WITH_CONVOLUTIONS = pytest.mark.thorough("its experiments run in miniature; convolutions make it long")


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=WITH_CONVOLUTIONS) if name in ("many-paths", "conjugate-gradient") else name
        for name in NAMES
        if find_study(name).experiments_at("real")
    ],
)
def test_the_scale_of_real_data_runs_on_stand_ins(name, tmp_path, monkeypatch):
    """With few examples of each class; every claim but those of 100 labels finds its rows."""
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    study = find_study(name)
    sizes = [experiment.sizes["real"] for experiment in study.experiments_at("real")]
    known = {"seeds", "steps", *(key for size in sizes for key in size.options)}
    assert all(size.seeds >= 4 for size in sizes)
    options = {key: value for key, value in {**TINY, **OWN_TINY.get(name, {})}.items() if key in known}
    verdicts = reproduce(name, "real", tmp_path / "r", options=options)
    record = read_json(tmp_path / "r" / "study.json")
    assert (record["status"], record["failed"]) == ("finished", {})
    assert [verdict.claim for verdict in verdicts] == study.claims_at("real") != []
    words = {verdict.word for verdict in verdicts}
    assert words == {"not measured" if name == "improved-techniques" else "inconclusive"}


@pytest.mark.parametrize("name", NAMES)
def test_claims_say_what_speaks(name):
    """What is derived, calibrated, implied or by our pilots is ours; an identity is judged without statistics."""
    for claim in find_study(name).claims:
        source = claim.source.lower()
        if any(word in source for word in ("derived", "calibration", "our pilots", "implied", "reader's note")):
            assert claim.kind in ("ours", "identity", "theorem"), claim.name
        if source.startswith("ours"):
            assert claim.kind == "ours", claim.name
        if claim.kind == "identity":
            assert claim.exact, claim.name
        assert "Barnett" not in claim.source, claim.name


def after(calls):
    """A clock that says "now" from one call on."""
    asked = itertools.count()
    return lambda: next(asked) >= calls


def long_ones():
    """The experiments that train in courses, each at its least scale but the papers' own."""
    for name in NAMES:
        for experiment in find_study(name).experiments:
            scale, trains = next(iter(experiment.sizes)), re.compile(r"\b(Population|Course)\(")
            if scale != "full" and trains.search(inspect.getsource(inspect.getmodule(experiment.measure))):
                marks = WITH_CONVOLUTIONS if experiment.name in CONVOLVE else ()
                yield pytest.param(name, experiment, scale, id=experiment.name, marks=marks)


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("name", "experiment", "scale"), list(long_ones()))
def test_a_cell_that_pauses_gives_the_rows_it_would_have_given(name, experiment, scale, tmp_path, monkeypatch):
    """In every experiment with courses, paused again and again: what is read on the way is kept, and so are states."""
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    options = {**(MINIATURE if scale == "quick" else TINY), **(OWN if scale == "quick" else OWN_TINY).get(name, {})}
    size = experiment.resized(scale, {**options, "looks": 2, "steps": 7, "compiled": False}).sizes[scale]
    cell, pauses, played, play = experiment.cells[0], 0, [], Course.play
    monkeypatch.setattr(Course, "play", lambda *given: played.append(1) or play(*given))
    whole = json.loads(json.dumps(list(experiment.measure(cell, size))))
    for _ in range(40):
        try:
            with keeping(tmp_path / "begun", "here", after(6)):
                found = json.loads(json.dumps(list(experiment.measure(cell, size))))
        except Paused:
            pauses += 1
        else:
            assert found == whole
            break
    assert bool(played) == bool(pauses)
    assert pauses < 40


def test_some_claims_are_identities():
    """So that the law above is not empty."""
    exact = [claim.name for name in NAMES for claim in find_study(name).claims_at("quick") if claim.exact]
    assert len(exact) > 40
    assert set(exact) > WHERE_PLAY_ENDS
