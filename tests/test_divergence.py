"""A member that leaves the finite numbers: what is said of it, and what the run does (freeze, stop, roll back)."""

import json
import re

import numpy as np
import pytest
import torch
from torch import nn

import nashpath as nash
from nashpath.games.toys import Bilinear, Quadratic
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.solvers import SOLVERS
from nashpath.solvers.rollback import MOST, Rollback
from run_folders import assert_same_run, flags, interrupt_after, members
from run_folders import nash as command

WILD = ("solver.generator=sgd", "solver.discriminator=sgd", "solver.generator.learning_rate=1e30")


def rows(run) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def toy(folder, *settings):
    pairs = ("compile=off", "threads=1", "stack=off", "log_every=1", *settings)
    return command("train", *(part for pair in pairs for part in ("-s", pair)), "--out", folder)


def train(folder, *settings, **options):
    return command("train", *flags(*settings), "--out", folder, **options)


class Breaks(nn.Module):
    """Divides by zero."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(3, 2)

    def forward(self, z):
        return self.body(z) / 0.0


def gan(generator=None, discriminator=None, **options):
    made = generator if generator is not None else nn.Linear(3, 2)
    judge = discriminator if discriminator is not None else nn.Linear(2, 1)
    return nash.GAN(made, judge, data=nash.Ring(), latent=3, batch_size=4, **options)


def solver(rate=1e-2):
    return nash.Simultaneous(nash.SGD(rate), nash.SGD(rate))


def test_large_numbers_are_no_divergence():
    """Those of which single precision cannot tell the norm either: their squares are infinite."""
    judge = nn.Linear(2, 1)
    judge.idle = nn.Parameter(torch.full((2,), 1e25))
    assert judge.idle.norm().isinf()
    assert nash.train(gan(discriminator=judge), solver(), 3).outcome == "finished"


def test_the_output_of_a_module_is_named():
    told = nash.train(gan(Breaks()), solver(), 3).outcome
    assert re.fullmatch(
        r"diverged: (discriminator|generator) at step 1: the output of generator \(Breaks\) is not finite", told
    )


def test_a_term_of_the_cost_is_named():
    class Heavy(nash.Penalty):
        def forward(self, critic, real, fake, noise):
            return critic(real).sum() * float("inf")

    told = nash.train(gan(penalty=Heavy()), solver(), 3).outcome
    assert told == "diverged: discriminator at step 1: the output of penalty (Heavy) is not finite"


def test_a_gradient_is_named():
    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Linear(3, 2)

        def forward(self, z):
            return self.body(z) + (self.body.bias * 0).abs().sum().sqrt()

    told = nash.train(gan(Root()), solver(), 3).outcome
    assert re.fullmatch(r"diverged: generator at step 1: the gradient of generator.body.bias is not finite", told)


class Steep(nash.Game):
    """Linear costs: slopes of ``size`` in four entries a player, at any point."""

    players = ("discriminator", "generator")

    def __init__(self, size):
        super().__init__()
        self.size = size
        for who in self.players:
            self.add_module(who, nn.Linear(4, 1, bias=False))
            nn.init.constant_(self.get_submodule(who).weight, 1e-20)

    def draw(self, key, lead=()):
        return {"x": key.normal(*lead, 1)}

    def forward(self, player, batch):
        return self.get_submodule(player).weight.sum() * self.size


@pytest.mark.parametrize("stack", [None, True, False])
def test_a_gradient_whose_norm_alone_overflows_is_named(stack):
    slopes = np.full(4, 1e20, np.float32)
    with np.errstate(over="ignore"):
        assert np.isfinite(slopes).all()
        assert np.isinf(np.square(slopes).sum())
    rates = nash.Simultaneous(nash.SGD(1e-30), nash.SGD(1e-30)), nash.Simultaneous(nash.SGD(1e-30), nash.SGD(1e-30))
    if stack is None:
        found = [nash.train(Steep(1e20), rates[0], 3)]
    else:
        found = nash.train_many([Steep(1e20), Steep(1e20)], rates, 3, [0, 1], stack=stack)
    for one in found:
        told = "diverged: discriminator at step 1: the norm of the gradient of the discriminator is not finite"
        assert one.outcome == told
    assert nash.train(Steep(1e18), solver(1e-30), 3).outcome == "finished"


@pytest.mark.parametrize("size", [1e20, 3e37])
@pytest.mark.parametrize("name", [name for name in SOLVERS if name != "svre"])  # which needs finite data
def test_every_solver_that_overflows_says_in_what(name, size):
    """Entries are finite and norms are not: an outcome has the player, the step and what was not finite."""
    rules = {who: nash.SGD(1e-30) for who in Steep.players}
    outcome = nash.train(Steep(size), SOLVERS[name](**rules), 2).outcome
    assert re.fullmatch(r"finished|diverged: (discriminator|generator) at step \d+: .+ is not finite", outcome), outcome


def test_a_norm_that_no_step_reports_is_no_cause():
    """The gradient is looked at where the step reports its norm: here a parameter leaves the numbers."""

    class Unreported(nash.Simultaneous):
        def forward(self, problem, point, memory, batches):
            point, memory, info = super().forward(problem, point, memory, batches)
            return point, memory, {k: v for k, v in info.items() if k.startswith("cost.")}

    wild = Unreported(nash.SGD(1e30), nash.SGD(1e30))
    told = nash.train(Steep(1e20), wild, 3).outcome
    assert told == "diverged: discriminator at step 1: the new discriminator.weight is not finite"


def test_a_parameter_that_overflows_in_its_update_is_named():
    told = nash.train(Bilinear(strength=10.0), solver(3e38), 3).outcome
    assert re.fullmatch(r"diverged: (discriminator|generator) at step 1: the new \w+\.\w+ is not finite", told)


@pytest.mark.long
@pytest.mark.parametrize("stack", [True, False])
def test_the_step_that_broke_is_found_in_its_block(stack):
    games = [Bilinear(), Bilinear()]
    wild = nash.Simultaneous(nash.SGD(30.0), nash.SGD(30.0))
    good, bad = nash.train_many(games, [solver(), wild], 200, [0, 1], stack=stack)
    assert good.outcome == "finished"
    said = re.fullmatch(r"diverged: (\w+) at step (\d+): the .* is not finite", bad.outcome)
    assert said
    assert int(said[2]) == bad.steps + 1 > 10


def test_a_run_records_the_cause_through_a_resume(tmp_path):
    train(tmp_path / "run", *WILD, "steps=20")
    (member,) = members(tmp_path / "run")
    assert re.match(r"diverged: \w+ at step \d+: the .* is not finite$", member["outcome"])
    command("train", "--resume", "--out", tmp_path / "run", "-s", "steps=25")
    assert members(tmp_path / "run")[0]["outcome"] == member["outcome"]


def test_stop_ends_the_run_at_the_first_member_that_diverges(tmp_path):
    train(tmp_path / "run", *WILD, "steps=400", "on_divergence=stop")
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    assert told["status"] == "halted"
    assert told["steps"] < 400
    assert any("on_divergence=stop" in warning for warning in told["warnings"])


def test_freeze_is_the_default_and_trains_the_others_to_the_end(tmp_path):
    train(tmp_path / "run", "solver.generator=sgd", "steps=20")
    assert members(tmp_path / "run")[0]["outcome"] == "finished"
    assert 'on_divergence = "freeze"' in (tmp_path / "run" / "config.toml").read_text()


def calm() -> Quadratic:
    """Steps of less than 2 come to rest, others grow."""
    return Quadratic(a=1.0, b=0.0, c=1.0)


def quadratic_run(rate: float, steps: int, wrapped: bool = True):
    inner = solver(rate)
    return nash.train(calm(), Rollback(inner) if wrapped else inner, steps, log_every=1)


@pytest.mark.long
def test_rollback_goes_on_where_freezing_would_end():
    frozen, rolled = quadratic_run(3.0, 400, wrapped=False), quadratic_run(3.0, 400)
    assert frozen.outcome.startswith("diverged")
    assert rolled.outcome == "finished"
    assert rolled.history[-1]["rollbacks"] >= 1
    assert all(torch.isfinite(v).all() for v in rolled.game.state_dict().values())


def test_rollback_gives_up_after_a_bounded_number_of_times():
    result = quadratic_run(1e37, 3000)
    assert result.outcome.startswith("diverged")
    assert result.steps < 3000
    assert max(row["rollbacks"] for row in result.history) == MOST


def test_rollback_does_nothing_to_a_run_that_stays_finite():
    plain, rolled = quadratic_run(0.1, 120, wrapped=False), quadratic_run(0.1, 120)
    for name, value in plain.game.state_dict().items():
        assert torch.equal(rolled.game.state_dict()[name], value)


@pytest.mark.long
def test_members_of_a_stack_roll_back_each_for_itself():
    rates = [0.1, 3.0]
    games = [calm() for _ in rates]
    program = Program([Trial(g, Rollback(solver(r))) for g, r in zip(games, rates)], [0, 1], "stacked")
    program.run(300)
    counts = [int(program.train_state(i).memory["rollbacks"]) for i in range(2)]
    assert counts[0] == 0
    assert counts[1] >= 1
    assert program.diverged() == []


STIFF = ("game=quadratic", "solver=simultaneous", "on_divergence=rollback", "steps=60")


@pytest.mark.long
@pytest.mark.parametrize("average", ["none", "ema"])
def test_a_diagnosis_is_of_the_rates_that_going_back_has_left(tmp_path, average):
    """Twice halved, 3.2 is 0.8: stable steps are multiples of that, and play is played at it."""
    rates = ("solver.generator.learning_rate=3.2", "solver.discriminator.learning_rate=3.2")
    toy(tmp_path / "run", *STIFF, *rates, f"average={average}", "log_every=60", "steps=120")
    ((member, trial, state),) = nash.run.restore_members(tmp_path / "run")
    halved = int(state.memory["rollbacks"])
    assert halved >= 2
    assert member.index == 0
    lower = [
        f"{key}={3.2 / 2**halved}" for key in ("solver.generator.learning_rate", "solver.discriminator.learning_rate")
    ]
    toy(tmp_path / "lower", *STIFF, *lower, "steps=1")
    ((_, plain, begun),) = nash.run.restore_members(tmp_path / "lower")
    found = [diagnose_member(0, t, s, quick=True, advise=False).summary for t, s in ((trial, state), (plain, begun))]
    assert found[0].rates == found[1].rates
    assert found[0].margins == pytest.approx(found[1].margins, rel=1e-6)
    assert found[0].play.rate == pytest.approx(found[1].play.rate, rel=1e-6)


@pytest.mark.parametrize("stack", ["off", "on"])
def test_of_a_step_that_was_undone_nothing_is_told(tmp_path, stack):
    """0 would be the value of a game at its equilibrium."""
    rates = ("solver.generator.learning_rate=3.2", "solver.discriminator.learning_rate=3.2")
    toy(tmp_path / "run", *STIFF, *rates, f"stack={stack}", "seeds=[0,1]")
    told = [row for row in rows(tmp_path / "run") if "cost.generator" in row]
    first = next(k for k, row in enumerate(told) if row["rollbacks"])
    assert told[first]["cost.generator"] is told[first]["gradient_norm.generator"] is None
    for row in told:
        assert row["cost.generator"] != 0
        assert "undone" not in row


@pytest.mark.long
def test_a_run_that_rolls_back_is_recorded_and_resumed_bit_for_bit(tmp_path, monkeypatch):
    wild = (
        "steps=300",
        "game=quadratic",
        "game.a=1",
        "game.b=0",
        "game.c=1",
        "solver=simultaneous",
        "solver.generator=sgd",
        "solver.discriminator=sgd",
    )
    wild += ("solver.generator.learning_rate=3", "solver.discriminator.learning_rate=3")
    settings = (*wild, "on_divergence=rollback", "average=ema")
    toy(tmp_path / "whole", *settings)
    (member,) = members(tmp_path / "whole")
    assert member["outcome"] == "finished"
    told = json.loads((tmp_path / "whole" / "run.json").read_text())["warnings"]
    assert any("went back" in warning and "on_divergence=rollback" in warning for warning in told)
    assert max(row.get("rollbacks", 0) for row in rows(tmp_path / "whole")) >= 1
    with monkeypatch.context() as patched:
        interrupt_after(patched, 150)
        toy(tmp_path / "broken", *settings)
    command("train", "--resume", "--out", tmp_path / "broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


def test_a_loaded_member_names_the_cause(tmp_path):
    train(tmp_path / "run", *WILD, "steps=20")
    (member,) = members(tmp_path / "run")
    assert member["outcome"].endswith("is not finite")
    assert nash.load(tmp_path / "run").outcome == member["outcome"]


@pytest.mark.long
@pytest.mark.parametrize("ending", [".png", ".npz", ".csv", ".safetensors"])
def test_samples_of_a_member_that_did_not_end_well_are_told_so(tmp_path, monkeypatch, ending):
    """Drawn and exported all the same, whichever file they go to; of a run that ended nothing is said."""
    train(tmp_path / "diverged", *WILD, "steps=20")
    train(tmp_path / "finished", "steps=10")
    with monkeypatch.context() as patched:
        interrupt_after(patched, 5)
        train(tmp_path / "stopped", "steps=10")
    told = {
        "diverged": members(tmp_path / "diverged")[0]["outcome"],
        "stopped": "is at step 5 of 10: its run has not ended",
    }
    verb, to = ("export", "--to") if ending == ".safetensors" else ("sample", "--out")
    for name in ("diverged", "stopped", "finished"):
        done = command(verb, tmp_path / name, to, tmp_path / f"{name}{ending}")
        assert (tmp_path / f"{name}{ending}").exists()
        if name in told:
            assert f"warning: member 0 {told[name]}" in done.stderr.replace("\n", " ")
        else:
            assert "warning" not in done.stderr
    assert nash.load(tmp_path / "stopped").outcome == "stopped"
    if ending == ".safetensors":
        assert nash.load(tmp_path / f"stopped{ending}").outcome == "stopped"
