"""Deliberately broken runs get the right verdict, over several seeds, and healthy runs get none."""

import json
from typing import Any

import pytest

from nashpath.core import tree_map
from nashpath.core.tree import leaves
from nashpath.diagnostics import findings
from nashpath.run import SettingError, open_session
from nashpath.run.diagnose import diagnose, diagnose_member
from nashpath.run.restore import restore_member
from run_folders import nash

BASE = {
    "compile": "off",
    "stack": "off",
    "latent": 4,
    "batch_size": 32,
    "evaluation_samples": 64,
    "samples": 4,
    "log_every": 1000,
    "sample_every": 1000,
    "seeds": [0, 1, 2],
    "generator": {"width": 8},
    "discriminator": {"width": 8},
}
STARTS = {"game.x": [1.0, -0.5, 0.2]}
"""What seeds are to networks, starts are to toys."""


def play(kind: str, rate_d: float, rate_g: float, rule: str = "adam", **options: Any) -> dict[str, Any]:
    rates = {"discriminator": rate_d, "generator": rate_g}
    return {"kind": kind, **{who: {"kind": rule, "learning_rate": rate} for who, rate in rates.items()}, **options}


def ring(**raw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {**BASE, "data": "ring", **raw}, {}


def toy(steps: int, solver: dict[str, Any], game: str, **numbers: float) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"compile": "off", "game": {"kind": game, **numbers}, "solver": solver, "steps": steps}, STARTS


BROKEN = {
    "minimax against too strong a discriminator": (
        ring(objective="minimax", steps=120, solver=play("alternating", 4e-2, 1e-4, discriminator_steps=3)),
        "discriminator too strong",
    ),
    "rates of 1/2 under Adam": (ring(steps=20, solver=play("alternating", 0.5, 0.5)), "step too large"),
    "a step beyond 2/λ": (
        toy(20, play("simultaneous", 3.0, 3.0, "sgd"), "quadratic", a=1.0, b=0.1, c=1.0),
        "step too large",
    ),
    "a generator a hundredfold faster": (ring(steps=150, solver=play("alternating", 1e-4, 1e-2)), "mode collapse"),
    "rotation under alternating play": (toy(50, play("alternating", 0.1, 0.1, "sgd"), "bilinear"), "rotation"),
    "rotation under simultaneous play": (toy(50, play("simultaneous", 0.02, 0.02, "sgd"), "bilinear"), "rotation"),
    "NaN on a toy": (toy(60, play("simultaneous", 1e3, 1e3, "sgd"), "saddle"), "diverged"),
    "NaN in networks": (
        ring(objective="wasserstein", steps=60, solver=play("simultaneous", 1e3, 1e3, "sgd")),
        "diverged",
    ),
}

HEALTHY = {
    "extragradient on a rotating quadratic": toy(200, play("extragradient", 0.3, 0.3, "sgd"), "quadratic"),
    "the Dirac-GAN under R1": (
        {**toy(200, play("alternating", 0.2, 0.2, "sgd"), "dirac")[0], "penalty": {"kind": "r1", "weight": 1.0}},
        STARTS,
    ),
    "one Gaussian under R1": (
        {
            **ring()[0],
            "data": "gaussian",
            "penalty": {"kind": "r1", "weight": 1.0},
            "steps": 300,
            "solver": play("alternating", 4e-3, 2e-3),
        },
        {},
    ),
}


def verdicts(case, folder):
    raw, sweeps = case
    open_session(raw, sweeps, folder).train()
    return diagnose(folder, [0, 1, 2])


@pytest.mark.parametrize("name", BROKEN)
def test_broken_runs_get_the_right_verdict(name, tmp_path):
    case, expected = BROKEN[name]
    for found in verdicts(case, tmp_path):
        assert findings(found.symptoms)[0].code == expected, found.sentences
        assert found.symptoms.kind not in ("local Nash", "local minimax")


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_runs_get_none(name, tmp_path):
    for found in verdicts(HEALTHY[name], tmp_path):
        assert findings(found.symptoms) == [], found.sentences
        if "Gaussian" not in name:
            assert found.symptoms.kind == "local Nash"


def test_the_command_prints_the_verdict_and_writes_it(tmp_path):
    raw, sweeps = BROKEN["rotation under alternating play"][0]
    open_session(raw, sweeps, tmp_path).train()
    said = nash("diagnose", tmp_path, "--member", 1).output
    assert "member 1: limit cycle" in said
    assert "|imag/real| = infinite" in said
    assert "stable up to 10 times the present learning rates" in said  # extragradient on strength 1: h < 1
    (written,) = json.loads((tmp_path / "diagnosis.json").read_text())["members"]
    assert written["findings"][0]["code"] == "rotation"
    assert written["numbers"]["rotation"] == 1
    assert json.loads(nash("diagnose", tmp_path, "--member", 1, "--json").output) == [written]
    refused = nash("diagnose", tmp_path, "--member", 9, expect=2)
    assert "members 0 to 2" in refused.output + refused.stderr
    with pytest.raises(SettingError, match="no run"):
        diagnose(tmp_path / "elsewhere", [0])


def test_a_diagnosis_changes_neither_trial_nor_carry(tmp_path):
    raw, _ = ring(steps=2)
    open_session(raw, {}, tmp_path).train()
    trial, carry = restore_member(tmp_path)
    kept = tree_map(lambda v: v.clone(), (trial.state_dict(), carry))
    diagnose_member(0, trial, carry)
    for before, after in zip(leaves(kept), leaves((trial.state_dict(), carry))):
        assert before.dtype == after.dtype
        assert (before == after).all()
