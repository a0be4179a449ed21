"""A member of a sweep equals its solo run; a member that leaves the finite numbers is frozen, and no other notices."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.strategies import integers

from nashpath.run import open_session, resume_session
from nashpath.run.engine import memory
from nashpath.run.engine.memory import step_bytes
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from run_folders import assert_same, members, rows, small, tensors, trained

RING = small(penalty="dragan", average={"kind": "ema", "decay": 0.9}, steps=12)
CONV = small(data="digits", steps=3, generator={"width": 2}, discriminator={"width": 2}, evaluation_samples=64)
RATES = "solver__generator__learning_rate"


def solo(raw, folder, seed, rate):
    return trained({**raw, "seeds": [seed], "solver": {"generator": {"learning_rate": rate}}}, folder)


@pytest.mark.long
@pytest.mark.parametrize("raw", [RING, CONV], ids=["ring", "convolutional"])
@pytest.mark.parametrize("stack", ["off", "on"])
def test_a_member_of_a_sweep_equals_its_solo_run(tmp_path, raw, stack):
    session = trained({**raw, "seeds": [5, 7], "stack": stack}, tmp_path / "all", **{RATES: [1e-3, 1e-2]})
    assert [team.program.mode for team in session.groups] == [{"off": "looped", "on": "stacked"}[stack]]
    solo(raw, tmp_path / "one", 7, 1e-2)
    mine, alone = tensors(tmp_path / "all", 3), tensors(tmp_path / "one", 0)
    if stack == "off":
        assert_same(mine, alone)
        found = members(tmp_path / "all")[3]
        assert {**found, "member": 0, "settings": {}} == members(tmp_path / "one")[0]
    for key, value in alone.items():
        np.testing.assert_allclose(mine[key].astype(float), value.astype(float), rtol=1e-3, atol=2e-5, err_msg=key)


MANY = {**RING, "seeds": list(range(7)), "stack": "on"}


@pytest.mark.long
def test_more_members_than_memory_holds_at_once_run_in_several_stacks(tmp_path, monkeypatch):
    """It is said, with the memory; no member is another than in one stack; a resumed run keeps to the same stacks."""
    trained(MANY, tmp_path / "one")
    trial = build_trial(resolve(MANY), 0)
    held, passing = step_bytes(trial)
    monkeypatch.setattr(memory, "available", lambda device="cpu": (7 * held + 2.5 * passing) / memory.SAFE)
    session = trained(MANY, tmp_path / "several")
    assert [len(group.members) for group in session.groups] == [2, 2, 2, 1]
    ((count, said),) = session.ways()
    assert count == 7
    assert "4 stacks of 2, about" in said
    for k in range(7):
        mine, alone = (tensors(tmp_path / run, k) for run in ("several", "one"))
        for key, value in alone.items():
            np.testing.assert_allclose(mine[key].astype(float), value.astype(float), rtol=1e-3, atol=2e-5, err_msg=key)
    assert [row["member"] for row in rows(tmp_path / "several")] == [row["member"] for row in rows(tmp_path / "one")]

    half = open_session(MANY, {}, tmp_path / "resumed")
    half.stop = lambda: half.taken >= 6
    half.train()
    monkeypatch.undo()
    resume_session(tmp_path / "resumed", []).train()
    assert_same(tensors(tmp_path / "resumed"), tensors(tmp_path / "several"))


@given(count=integers(1, 3000), most=integers(1, 400), fits=integers(0, 1000))
def test_a_population_is_split_into_few_parts_of_equal_length(count, most, fits):
    """Of more than ``most``, where they fit, or a few, only if that makes all of them equal and others are not."""
    parts = memory.even(count, most, fits)
    assert sum(parts) == count
    assert max(parts) <= max(most, min(2 * most, fits))
    if max(parts) > most or max(parts) <= most // 2 < count:
        assert len(set(parts)) == 1
        assert len(set(memory.even(count, most))) == 2
    assert len(set(parts[:-1])) <= 1
    assert parts[-1] <= parts[0]
    assert len(parts) <= max(2, (4 if fits else 2) * -(-count // most))


def test_compiled_stacks_are_smaller_than_eager_ones():
    trial = build_trial(resolve(RING), 0)
    fitting = memory.most_together(trial, 1000)
    assert [memory.within_caches(fitting, "cpu", compiled) for compiled in (True, False)] == [32, 128]
    assert memory.within_caches(memory.most_together(trial, 20), "cpu", True) == 20


def test_members_differ_by_seed_and_by_setting(tmp_path):
    trained({**RING, "seeds": [5, 7]}, tmp_path / "all", **{RATES: [1e-3, 1e-2]})
    weights = [tensors(tmp_path / "all", k)["point.players.generator.head.weight"] for k in range(4)]
    assert all(abs(a - b).max() > 1e-4 for i, a in enumerate(weights) for b in weights[:i])


DIVERGING = small(
    steps=20,
    log_every=5,
    solver={"kind": "simultaneous", "generator": {"kind": "sgd"}, "discriminator": {"kind": "sgd"}},
)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("stack", ["off", "on"])
@pytest.mark.parametrize("game", ["gan", "bilinear"])
def test_a_diverged_member_is_frozen_at_its_last_finite_state(tmp_path, stack, game):
    raw = dict(DIVERGING) if game == "gan" else {k: DIVERGING[k] for k in ("steps", "log_every", "solver", "compile")}
    raw |= {"game": game, "stack": stack}
    if game == "gan":
        raw["objective"] = "wasserstein"  # whose gradient does not vanish where samples are far
    trained(raw, tmp_path / "all", **{RATES: [1e-2, 1e10]})
    sound, broken = members(tmp_path / "all")
    assert sound["outcome"] == "finished"
    assert sound["steps"] == 20
    said = re.fullmatch(r"diverged: (generator|discriminator) at step (\d+): the .* is not finite", broken["outcome"])
    assert said
    assert broken["steps"] == int(said[2]) - 1 < 20

    def alone(name, rate, steps):
        solver = {**raw["solver"], "generator": {"kind": "sgd", "learning_rate": rate}}
        trained({**raw, "solver": solver, "steps": steps}, tmp_path / name)
        return tensors(tmp_path / name, 0)

    before, kept = alone("before", 1e10, broken["steps"]), tensors(tmp_path / "all", 1)
    others, well = alone("well", 1e-2, 20), tensors(tmp_path / "all", 0)
    for key, value in before.items():
        if "sampler" not in key and "diverged_player" not in key:
            np.testing.assert_allclose(kept[key], value, rtol=0 if stack == "off" else 1e-5, err_msg=key)
            assert np.isfinite(kept[key]).all()
    for key, value in others.items():
        np.testing.assert_allclose(well[key], value, rtol=0 if stack == "off" else 1e-4, atol=1e-6, err_msg=key)
    empty = [row for row in rows(tmp_path / "all") if row["member"] == 1 and row.get("cost.generator", 0) is None]
    assert [row["step"] for row in empty] == [-(-int(said[2]) // 5) * 5]


def test_a_run_whose_members_have_all_diverged_takes_no_more_steps(tmp_path):
    raw = {"game": "bilinear", "compile": "off", "steps": 1_000, "log_every": 10, "sample_every": 1_000}
    raw["solver"] = {
        "kind": "simultaneous",
        "generator": {"kind": "sgd", "learning_rate": 1e10},
        "discriminator": "sgd",
    }
    session = trained(raw, tmp_path / "run")
    assert session.taken == 1_000
    assert members(tmp_path / "run")[0]["outcome"].startswith("diverged: ")
    assert session.groups[0].program.timed <= 20


def test_a_population_is_judged_member_by_member_when_games_differ(tmp_path):
    raw = {"steps": 4, "compile": "off", "evaluation_samples": 16}
    trained(raw, tmp_path / "run", game=["gan", "bilinear"])
    gan, toy = members(tmp_path / "run")
    assert "sliced_wasserstein" in gan["metrics"]
    assert set(toy["metrics"]) == {"distance"}


def test_bf16_runs(tmp_path):
    session = trained(small(precision="bf16"), tmp_path / "run")
    assert members(tmp_path / "run")[0]["outcome"] == "finished"
    train_state = session.groups[0].program.train_state(0)
    assert all(v.dtype == torch.float32 for v in train_state.point.players["generator"].values())
    exact = trained(small(), tmp_path / "exact").groups[0].program.train_state(0)
    pairs = [(v, exact.point.players["generator"][k]) for k, v in train_state.point.players["generator"].items()]
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert all(torch.allclose(a, b, atol=0.05) for a, b in pairs)
