"""Diagnostics through training: their readings are recorded, and nothing of the training changes."""

import numpy as np
import pytest

import nashpath as nash
from nashpath.diagnostics import DIAGNOSTICS, FieldNorm, SignalToNoise
from nashpath.games.toys import Bilinear
from nashpath.report import load_run
from nashpath.report.curves import charts, strands
from nashpath.run.settings.diagnostics import runnable_by_name
from run_folders import assert_same, flags, rows, small, tensors, trained
from run_folders import nash as command

WATCHED = {"diagnostics": ["field_norm", "vanishing", "rotation"], "diagnose_every": 8}


def readings(folder):
    """Step, member and readings of the rows that hold any."""
    return [row for row in rows(folder) if "field_norm" in row]


@pytest.mark.long
def test_a_watched_run_trains_as_an_unwatched_one(tmp_path):
    for name, more in (("plain", {}), ("watched", WATCHED)):
        trained(small(seeds=[0, 1], **more), tmp_path / name)
    assert_same(tensors(tmp_path / "plain"), tensors(tmp_path / "watched"))
    found = readings(tmp_path / "watched")
    assert [(row["step"], row["member"]) for row in found] == [(s, m) for s in (0, 8, 16, 20) for m in (0, 1)]
    assert all(0 <= row["rotation"] <= 1 for row in found)
    for row in found:
        both = [row[f"field_norm.{who}"] for who in ("discriminator", "generator")]
        assert row["field_norm"] == pytest.approx(np.hypot(*both), rel=1e-5)
    assert not readings(tmp_path / "plain")
    drawn = {c["key"]: c["family"] for c in charts(strands(load_run(tmp_path / "watched")))}
    assert {drawn[key] for key in ("field_norm", "vanishing", "rotation")} == {"Diagnostics"}


@pytest.mark.long
def test_stacked_members_are_asked_stacked_and_read_as_alone(tmp_path):
    trained(small(seeds=[0, 1, 2], stack="on", **WATCHED), tmp_path / "together")
    trained(small(seeds=[2], **WATCHED), tmp_path / "alone")
    together = [row for row in readings(tmp_path / "together") if row["member"] == 2]
    for one, other in zip(together, readings(tmp_path / "alone"), strict=True):
        for key in ("field_norm", "vanishing", "rotation"):
            assert one[key] == pytest.approx(other[key], rel=1e-3), key


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("diagnostics=field_cosin", ["diagnostics.0", "field_norm"]),
        ("diagnostics=path", ["diagnostics.0"]),
    ],
)
def test_what_cannot_be_watched_is_refused(setting, words, tmp_path):
    refused = command("train", *flags(setting), "--out", tmp_path, expect=2)
    for word in words:
        assert word in refused.output + refused.stderr


def test_a_toy_has_no_logits_to_compare_with(tmp_path):
    given = [part for s in ("game=bilinear", "steps=3", "diagnostics=vanishing") for part in ("-s", s)]
    refused = command("train", *given, "--out", tmp_path, expect=2)
    assert "leave it out" in refused.output + refused.stderr


def test_the_history_of_a_game_of_ones_own_has_the_readings():
    solver = nash.Simultaneous(discriminator=nash.SGD(0.1), generator=nash.SGD(0.1))
    result = nash.train(Bilinear(), solver, steps=4, log_every=1, diagnostics=[FieldNorm(), SignalToNoise(2)])
    norms = [row["field_norm"] for row in result.history]
    np.testing.assert_allclose(norms[1:], np.array(norms[:-1]) * np.sqrt(1 + 0.1**2), rtol=1e-5)


def test_the_list_has_every_diagnostic_with_a_line():
    said = command("list", "diagnostic").output
    assert all(name in said for name in DIAGNOSTICS)
    assert set(DIAGNOSTICS) - set(runnable_by_name()) == {"field_cosine", "path"}
    assert "-s diagnostics=rotation" in command("list", "diagnostic.rotation").output
    assert "from Python only" in command("list", "diagnostic.path").output


@pytest.mark.long
@pytest.mark.parametrize("diagnostic", ["duality_gap", "perturbed_duality_gap", "proximal_duality_gap"])
def test_best_responses_stay_within_the_constraints_of_each_member(diagnostic, tmp_path):
    """At rest in J_y = −x·y with x = 1, y gains at most b·|x| − x·y where |y| ≤ b, the bound of the step."""
    bounds, last = [0.2, 0.4], 0.1
    raw = {
        "game": {"kind": "bilinear", "x": 1.0, "y": 0.0},
        "solver": {who: {"kind": "sgd", "learning_rate": 1e-12} for who in ("generator", "discriminator")},
        "constraint": {"kind": "clip"},
        "anneal": {"constraint.bound": last},
        "diagnostics": [diagnostic],
        "steps": 2,
        "log_every": 1,
        "diagnose_every": 1,
    }
    trained(raw, tmp_path, constraint__bound=bounds)
    key = diagnostic.replace("duality_gap", "regret.discriminator")
    for bound, member in zip(bounds, (0, 1)):
        found = [row[key] for row in rows(tmp_path) if row["member"] == member and key in row]
        assert found == pytest.approx([bound, (bound + last) / 2, last], abs=1e-5)
