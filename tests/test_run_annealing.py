"""Numbers that change through training: the formula step by step, stacked, compiled, resumed, diagnosed, refused."""

import math

import pytest
import torch

from nashpath.core import FunctionalGame, Key, point_of
from nashpath.core.tree import leaves
from nashpath.run import SettingError, open_session, resume_session
from nashpath.run.assess.diagnose import diagnose
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import hyperparameters_of, numbers_at, with_numbers_of
from nashpath.run.folder.checkpoint import restore_member
from nashpath.run.folder.identity import kept_length
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.members import plan
from nashpath.run.settings.resolve import dump, resolve
from nashpath.solvers import SGD, HalfLife, Simultaneous
from run_folders import FLAGS, assert_same, assert_same_run, flags, interrupt_after, nash, small, tensors
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


def given(*settings):
    return [part for setting in settings for part in ("-s", setting)]


TOY = ("game=quadratic", "solver=simultaneous", "compile=off", "stack=off", "threads=1")
ONWARD = {
    "a rate": ((*TOY, "anneal.solver.generator.learning_rate=0"), {}),
    "a number of the game": ((*TOY, "anneal.game.b=3.0"), {}),
    "a weight": ((*FLAGS, "penalty=r1", "anneal.penalty.weight=0.1"), {}),
    "a half-life": ((*FLAGS, "average=half_life", "anneal.average.half_life=5"), {}),
    "swept ends": (TOY, {"--sweep": "anneal.game.b=2.0,3.0"}),
    "a length of its own": ((*TOY, "anneal.game.b=3.0", "anneal_steps=30"), {}),
}
"""Settings in which a number is annealed, and sweeps of them."""
LENGTHS = {"a length of its own": 30}


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("name", "first", "stops"),
    [(name, 20, (40,)) for name in ONWARD] + [("a rate", 20, (30, 40)), ("a weight", 40, (20, 30))],
)
def test_a_run_of_other_steps_goes_on_with_its_annealing(name, first, stops, tmp_path, monkeypatch):
    """Resumed again and again, to more steps or fewer, it is the run whose ``anneal_steps`` are those of the first."""
    chosen, sweeps = ONWARD[name]
    length, swept = LENGTHS.get(name, first), [text for pair in sweeps.items() for text in pair]
    one, whole = tmp_path / "one", tmp_path / "whole"
    with monkeypatch.context() as patch:
        if stops[0] < first:
            interrupt_after(patch, 10)
        nash("train", *given(*chosen, f"steps={first}"), *swept, "--out", one)
    told = [nash("train", "--resume", "-s", f"steps={steps}", "--out", one).stderr for steps in stops]
    nash("train", *given(*chosen, f"steps={stops[-1]}", f"anneal_steps={length}"), *swept, "--out", whole)
    assert_same(tensors(one), tensors(whole))
    said = f"arrives at step {length}, as it would have; -s anneal_steps=N"
    assert (said in " ".join(told[0].split())) == (name not in LENGTHS)
    assert not any(said in " ".join(text.split()) for text in told[1:])


def test_the_number_of_a_run_that_goes_on_never_jumps(tmp_path):
    """From 20 steps to 40, also where the steps are changed in ``config.toml``: the cosine of 20 steps, and its end."""
    raw = {**QUADRATIC, **RULES, "anneal": {"solver.generator.learning_rate": 0.0}}
    open_session(dump(resolve({}, {**QUADRATIC, **RULES})) | {"anneal": raw["anneal"]}, {}, tmp_path).train()
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace("steps = 20", "steps = 40"))
    for resumed in (False, True):
        if resumed:
            resume_session(tmp_path, {}).train()
        trial, state = restore_member(tmp_path)
        assert int(state.steps) == (40 if resumed else 20)
        for n in range(41):
            rate = numbers_at(trial, torch.tensor(n))["solver"]["rules.generator.learning_rate"]
            assert float(rate) == pytest.approx(0.1 * cosine(n, 20), abs=1e-8)


def test_another_length_is_chosen_with_the_change_accepted(tmp_path):
    nash("train", *given(*TOY, "anneal.game.b=3.0", "steps=20"), "--out", tmp_path / "run")
    resumed = ("train", "--resume", *given("steps=40", "anneal_steps=60"), "--out", tmp_path / "run")
    assert "anneal_steps was 20, is 60" in " ".join(nash(*resumed, expect=2).stderr.split())
    told = " ".join(nash(*resumed, "--accept-changes").stderr.split())
    assert "anneal_steps was 20, is 60" in told
    assert "as it would have" not in told
    assert restore_member(tmp_path / "run")[0].annealing.steps == 60


@pytest.mark.parametrize(
    ("before", "now", "kept"),
    [
        ({"anneal.a": 1.0, "steps": 20}, {"anneal.a": 1.0, "steps": 40}, 20),
        ({"sweep.anneal.a": [1.0], "steps": 20}, {"steps": 40}, 20),
        ({"sweep.together": [{"anneal.a": 1.0}], "steps": 20}, {"steps": 40}, 20),
        ({"anneal.a": 1.0, "steps": 20}, {"anneal.a": 1.0, "steps": 40, "anneal_steps": 20}, 20),
        ({"anneal.a": 1.0, "steps": 20}, {"anneal.a": 1.0, "steps": 20}, None),
        ({"anneal.a": 1.0, "steps": 20, "anneal_steps": 20}, {"anneal.a": 1.0, "steps": 40, "anneal_steps": 0}, None),
        ({"anneal.a": 1.0, "steps": 20}, {"anneal.a": 1.0, "steps": 40, "anneal_steps": 30}, None),
        ({"steps": 20}, {"steps": 40}, None),
        ({"anneal.a": 1.0, "steps": 0}, {"anneal.a": 1.0, "steps": 40}, None),
        ({}, {"anneal.a": 1.0, "steps": 40}, None),
    ],
)
def test_a_length_is_kept_where_it_was_that_of_the_run(before, now, kept):
    found, said = kept_length({"settings": before} if before else {}, {"settings": now})
    assert found == ({} if kept is None else {"anneal_steps": kept})
    assert len(said) == len(found)


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
