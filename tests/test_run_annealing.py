"""Numbers that change through training: the formula step by step, stacked, compiled, resumed, diagnosed, refused."""

import math

import pytest
import torch

from nashpath.core import FunctionalGame, Key, point_of
from nashpath.core.tree import leaves
from nashpath.run import SettingError, open_session
from nashpath.run.assess.diagnose import diagnose
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import hyperparameters_of, numbers_at, with_numbers_of
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.members import plan
from nashpath.run.settings.resolve import dump, resolve
from nashpath.solvers import SGD, HalfLife, Simultaneous
from run_folders import assert_same_run, flags, interrupt_after, nash, small
from solvers_play import play, small_gan

QUADRATIC = {"game": "quadratic", "solver": "simultaneous", "steps": 20, "compile": "off"}
RULES = {f"solver.{who}": {"kind": "sgd", "learning_rate": 0.1} for who in ("generator", "discriminator")}


def trial_of(**settings):
    return build_trial(resolve({}, {**QUADRATIC, **RULES, **settings}), 0)


def cosine(n, steps):
    return 0.5 * (1 + math.cos(math.pi * min(n / steps, 1)))


def test_the_learning_rate_follows_half_a_cosine():
    """Play by hand with the rate of each step, on both sides of the end."""
    trial = trial_of(**{"anneal.solver.generator.learning_rate": 0.02, "anneal_steps": 8})
    program = Program([trial], [0])
    x, y = 1.0, 1.0
    for n in range(12):
        rate = 0.02 + 0.08 * cosine(n, 8)
        x, y = x - rate * (0.1 * x + y), y - 0.1 * (0.1 * y - x)
        program.run(1)
        point = program.train_state(0).point
        assert float(point.players["generator"]["value"]) == pytest.approx(x, rel=1e-5)
        assert float(point.players["discriminator"]["value"]) == pytest.approx(y, rel=1e-5)


def test_any_number_is_annealed_and_no_other():
    trial = trial_of(**{"anneal.game.b": 3.0, "anneal.solver.discriminator.learning_rate": 0.5, "anneal_steps": 4})
    start = hyperparameters_of(trial)
    middle, end = numbers_at(trial, torch.tensor(2)), numbers_at(trial, torch.tensor(9))
    changed = {(who, k) for who in start for k, v in start[who].items() if not torch.equal(v, end[who][k])}
    assert changed == {("game", "coefficients.b"), ("solver", "rules.discriminator.learning_rate")}
    assert float(middle["game"]["coefficients.b"]) == pytest.approx((float(start["game"]["coefficients.b"]) + 3.0) / 2)
    assert float(end["game"]["coefficients.b"]) == 3.0
    at_rest = with_numbers_of(trial, torch.tensor(9))
    assert at_rest.annealing is None
    assert float(at_rest.game.coefficients.b) == 3.0


def test_without_steps_of_their_own_they_arrive_with_the_run():
    assert trial_of(**{"anneal.game.b": 3.0}).annealing.steps == 20


@pytest.mark.parametrize("mode", ["stacked", "looped"])
def test_members_of_a_sweep_are_their_solo_runs(mode):
    """One of them begins where it ends."""
    shared = {"anneal.game.b": 2.0, "anneal_steps": 5}
    trials = [trial_of(**shared, **{"game.b": b}) for b in (1.0, 2.0, 4.0)]
    together = Program(trials, [0, 1, 2], mode)
    together.run(7)
    for i, b in enumerate((1.0, 2.0, 4.0)):
        alone = Program([trial_of(**shared, **{"game.b": b})], [i])
        alone.run(7)
        for ours, theirs in zip(leaves(together.train_state(i).point), leaves(alone.train_state(0).point)):
            torch.testing.assert_close(ours, theirs)


@pytest.mark.usefixtures("traced")
def test_a_compiled_step_means_the_eager_one():
    states = []
    for compiled in (False, True):
        program = Program([trial_of(**{"anneal.game.b": 2.0, "anneal_steps": 5})], [0], compiled=compiled)
        program.run(7)
        states.append(program.train_state(0).point)
    for eager, traced in zip(*map(leaves, states)):
        torch.testing.assert_close(eager, traced)


def test_a_run_resumes_on_its_way(tmp_path, monkeypatch):
    chosen = flags("penalty=r1", "anneal.penalty.weight=0.1", "steps=8", "compile=off")
    nash("train", *chosen, "--out", tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        assert "stopped at step" in nash("train", *chosen, "--out", tmp_path / "half").stderr
    nash("train", "--resume", tmp_path / "half")
    assert_same_run(tmp_path / "whole", tmp_path / "half")


@pytest.mark.long
def test_a_diagnosis_is_that_of_the_present_numbers(tmp_path):
    """The rates 0.1 have become 10, at which the play leaves; by the first ones it closes in."""
    ends = {f"solver.{who}.learning_rate": 10.0 for who in ("generator", "discriminator")}
    for name, anneal in (("still", {}), ("annealed", ends)):
        raw = resolve({}, {**QUADRATIC, **RULES, "game.a": 1.0, "game.c": 1.0, "steps": 3})
        open_session({**dump(raw), "anneal": anneal, "anneal_steps": 3}, {}, tmp_path / name).train()
    still, annealed = (diagnose(tmp_path / name, quick=True)[0].summary for name in ("still", "annealed"))
    assert still.rates == pytest.approx({"generator": 0.1, "discriminator": 0.1})
    assert annealed.rates == pytest.approx({"generator": 10.0, "discriminator": 10.0})
    assert (still.play.motion, annealed.play.motion) == ("closes in", "leaves")


@pytest.mark.parametrize(
    ("anneal", "said"),
    [
        ({"penalty.wight": 1.0}, "anneal.penalty.wight: no number of these settings. Did you mean 'penalty.weight'"),
        ({"steps": 3}, "anneal.steps: no number"),
        ({"penalty.kind": "r1"}, "anneal.penalty.kind: no number"),
        ({"penalty.weight": "much"}, "anneal.penalty.weight: expected a number, got 'much'"),
        ({"penalty.weight": -1.0}, "penalty.weight"),
    ],
)
def test_what_cannot_be_annealed_is_refused_by_its_key(anneal, said):
    raw = small(penalty={"kind": "r1"}, anneal=anneal)
    with pytest.raises(SettingError) as refused:
        build_trial(resolve(raw), 0)
    assert said in str(refused.value)


def test_dotted_and_nested_keys_are_one():
    nested = resolve({"penalty": "r1"}, {"anneal": {"penalty": {"weight": 0.1}}}).anneal
    assert nested == resolve({"penalty": "r1"}, {"anneal.penalty.weight": 0.1}).anneal
    assert nested == resolve({"penalty": "r1", "anneal": {"penalty.weight": 0.1}}).anneal
    both = resolve(
        {"penalty": "r1", "anneal": {"penalty.weight": 0.1}}, {"anneal.average.decay": 0.5, "average": "ema"}
    )
    assert both.anneal == {"penalty": {"weight": 0.1}, "average": {"decay": 0.5}}


def test_half_of_the_average_is_forgotten_in_its_half_life():
    """From a point that stays, the distance halves in ``half_life`` steps; 0 is the point itself."""
    game = small_gan(0)
    for half_life, left in ((4.0, 0.5), (8.0, 0.5**0.5)):
        solver = HalfLife(Simultaneous(SGD(0.0), SGD(0.0)), half_life)
        _, _, memory = play(solver, game, 1)
        problem, point = FunctionalGame(game), point_of(game)
        memory["average"] = {k: v + 1 for k, v in point.players["generator"].items()}
        for _ in range(4):
            _, memory, _ = solver(problem, point, memory, game.draw(Key(0), (1,)))
        for k, v in memory["average"].items():
            torch.testing.assert_close(v - point.players["generator"][k], torch.full_like(v, left))
    points, _, memory = play(HalfLife(Simultaneous(SGD(0.1), SGD(0.1)), 0.0), game, 3)
    for k, v in memory["average"].items():
        torch.testing.assert_close(v, points[-1].players["generator"][k])


def test_members_that_end_elsewhere_are_programs_of_their_own():
    members = plan({"penalty": "r1", "data": "ring"}, {"anneal.penalty.weight": [0.1, 0.2]})
    assert len(members) == 2
