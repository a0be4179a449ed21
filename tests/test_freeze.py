"""Frozen layers stay bit for bit, in every solver, stacked, compiled and resumed; all else moves."""

import pytest
import torch

import nashpath
from nashpath.run import SettingError, open_session, resume_session
from nashpath.solvers import SOLVERS
from run_folders import assert_same, assert_same_run, flags, nash, small, tensors, trained

FIRST = "discriminator.features.linear1.*"


def moved(folder, member=0):
    """The names of the networks' parameters that are not those at the start."""
    begun = nashpath.run.restore_members(folder, [member])[0][1].game
    with torch.no_grad():
        start = {name: value.clone() for name, value in begun.named_parameters()}
    now = nashpath.load(folder, member, averaged=False).game
    return {name for name, value in now.named_parameters() if not torch.equal(value, start[name])}, set(start)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("solver", list(SOLVERS))
def test_no_solver_moves_frozen_layers(tmp_path, solver):
    data = {"data": "digits"} if solver == "svre" else {}
    networks = {"generator": {"kind": "mlp"}, "discriminator": {"kind": "mlp"}}
    raw = small(solver=solver, freeze=[FIRST], penalty="r1", steps=3, **networks, **data)
    trained(raw, tmp_path / "run")
    changed, every = moved(tmp_path / "run")
    assert changed == {name for name in every if not name.startswith("discriminator.features.linear1.")}


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("penalty", ["dragan", "lecam", "zero_centred"])
@pytest.mark.parametrize("way", [{"stack": "on"}, {"compile": "on"}])
def test_frozen_layers_stay_stacked_and_compiled(tmp_path, penalty, way):
    raw = small(freeze=[FIRST, "generator.*.bias"], penalty=penalty, average="ema", seeds=[0, 1], steps=3, **way)
    trained(raw, tmp_path / "run")
    for member in (0, 1):
        changed, every = moved(tmp_path / "run", member)
        still = {
            n for n in every if n.startswith("discriminator.features.linear1.") or (n[0] == "g" and n.endswith("bias"))
        }
        assert still
        assert changed == every - still


def test_a_frozen_run_differs_from_a_free_one_in_nothing_else(tmp_path):
    """The law by hand: a player that descends with a frozen layer takes the free player's step everywhere else."""
    sgd = {"kind": "sgd", "learning_rate": 0.1}
    raw = small(solver={"kind": "simultaneous", "generator": sgd, "discriminator": sgd}, steps=1)
    trained(raw, tmp_path / "free")
    trained({**raw, "freeze": [FIRST]}, tmp_path / "frozen")
    free, frozen = (nashpath.load(tmp_path / name).game for name in ("free", "frozen"))
    for name, value in free.named_parameters():
        assert torch.equal(value, frozen.get_parameter(name)) != name.startswith("discriminator.features.linear1."), (
            name
        )


def test_a_resumed_run_keeps_layers_frozen(tmp_path):
    raw = small(freeze=[FIRST], penalty="r1")
    trained(raw, tmp_path / "whole")
    session = open_session(raw, {}, tmp_path / "run")
    session.stop = lambda: session.taken >= 7
    assert session.train() == "stopped"
    assert resume_session(tmp_path / "run", []).train() == "finished"
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.long
def test_the_command_takes_patterns_with_commas_between_and_diagnoses_the_rest(tmp_path):
    nash("train", *flags(f"freeze={FIRST},generator.features.linear1.bias"), "--out", tmp_path / "run")
    assert {n for n in tensors(tmp_path / "run", 0) if n.startswith("point.state.")} == {
        "point.state.discriminator.features.linear1.weight",
        "point.state.discriminator.features.linear1.bias",
        "point.state.generator.features.linear1.bias",
    }
    nash("diagnose", tmp_path / "run", "--quick")
    nash("evaluate", tmp_path / "run", "--samples", 50)


def test_layers_of_another_run_are_kept_and_the_rest_trained(tmp_path):
    trained(small(), tmp_path / "first")
    raw = small(start_from=str(tmp_path / "first"), freeze=[FIRST], penalty="r1")
    trained(raw, tmp_path / "second")
    before, after = tensors(tmp_path / "first", 0), tensors(tmp_path / "second", 0)
    for part in ("weight", "bias"):
        name = f"discriminator.features.linear1.{part}"
        kept = {"": after[f"point.state.{name}"]}
        assert_same({"": before[f"point.players.discriminator.features.linear1.{part}"]}, kept)
    open_session(small(start_from=str(tmp_path / "second")), {}, tmp_path / "third").store.release()
    assert_same(
        {"": tensors(tmp_path / "third", 0)["point.players.discriminator.features.linear1.weight"]},
        {"": after["point.state.discriminator.features.linear1.weight"]},
    )


REFUSED = {
    "no such layer": (
        ["discriminator.linear9.*"],
        r"no parameter is called 'discriminator.linear9.\*'.* generator.head.weight",
    ),
    "all of a player": (["discriminator.*"], r"freeze: discriminator.\* leaves no parameter of the discriminator"),
    "all in parts": (["generator.*.bias", "generator.*weight"], "leaves no parameter of the generator to train"),
    "no text": ([""], "freeze.0: expected .*, got ''"),
    "a number": ([1], "freeze.0: expected a valid string, got 1"),
    "too many": (["discriminator.features.linear1.*"] * 1001, "freeze: expected .* at most 1000 items"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_frozen_is_refused(tmp_path, case):
    patterns, said = REFUSED[case]
    with pytest.raises(SettingError, match=said):
        open_session(small(freeze=patterns), {}, tmp_path / "run")
