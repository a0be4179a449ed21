"""Steps beyond what contracts: every player by its own rule, whatever is around it; and play that leaves soon.

In ½ a x² − ½ c y² nothing couples the players: plain descent of rate h multiplies x by 1 − h a, and its limit is 2/a.
"""

import pytest
import torch

from nashpath.diagnostics import RunSummary, findings, headline, judge_way
from nashpath.diagnostics.behaviour import HUGE
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin, hyperparameters_of, make_step
from nashpath.solvers import SCHEDULES, SGD, SOLVERS, Adam, Momentum, NormClipped, RMSProp, Scheduled, Solver
from test_diagnostics_kinks import Written, zero_sum

LATE = SCHEDULES["linear"](steps=1e6, hold=0.9)
AROUND = {
    "nothing": lambda rule: rule,
    "a schedule": lambda rule: Scheduled(rule, LATE),
    "clipping": lambda rule: NormClipped(rule, 1e3),
    "both": lambda rule: NormClipped(Scheduled(rule, LATE), 1e3),
}


def quadratic(a=1.0, c=1.0):
    return zero_sum(lambda x, y: a * x**2 / 2 - c * y**2 / 2)


def look(costs, solver: Solver, x=1.0, y=1.0, steps=1) -> RunSummary:
    trial = Trial(Written(costs, x, y).double(), solver.double())
    state, step, numbers = begin(trial), make_step(trial), hyperparameters_of(trial)
    with torch.no_grad():
        for _ in range(steps):
            state, _ = step(state, numbers, {})
    return diagnose_member(0, trial, state, quick=True, advise=False).summary


def too_large(seen: RunSummary) -> str:
    return "".join(one.sentence for one in findings(seen) if one.code == "step too large")


@pytest.mark.long
@pytest.mark.parametrize(
    ("around", "times", "bad"), [*((name, 3.0, False) for name in AROUND), ("nothing", 7.0, True), ("both", 7.0, True)]
)
def test_adam_is_judged_as_adam_under_any_wrapping(around, times, bad):
    """After a step from x its scale is 1/|x| and its gain 1: a heavy ball of step rate/|x|, with limit 2 (1 + b1)."""
    rules = [AROUND[around](Adam(3 * times * 5e-3, b1=0.5)) for _ in range(2)]
    seen = look(quadratic(), SOLVERS["simultaneous"](*rules), 5e-3, 5e-3)
    assert seen.adaptive == ["discriminator", "generator"]
    assert seen.sharpness["generator"] == pytest.approx(times, rel=1e-3)
    assert bool(too_large(seen)) == bad
    assert ("Adam's or RMSProp's present step" in too_large(seen)) == bad


@pytest.mark.long
@pytest.mark.parametrize(
    ("around", "who"), [("nothing", "generator"), ("both", "generator"), ("a schedule", "discriminator")]
)
def test_a_player_beside_one_that_adapts_is_judged_by_its_own_rule(around, who):
    """Plain descent of 2.3 on curvature 1 is 1.15 times its limit, whatever the other player's rule."""
    rules = {"generator": Adam(0.01), "discriminator": Adam(0.01), who: AROUND[around](SGD(2.3))}
    seen = look(quadratic(), SOLVERS["simultaneous"](**rules), steps=3)
    said = too_large(seen)
    assert f"for the {who}'s steepest direction the learning rate 2.3 is 1.15 times the largest" in said
    assert f"Multiply the learning rate of the {who} by less than 0.87 (to 2)." in said
    assert headline(seen) == ("step too large", "bad")


@pytest.mark.long
@pytest.mark.parametrize(("a", "c"), [(0.5, 0.5), (0.5, 2.0), (1.0, 0.5), (1.0, 1.0), (1.0, 1.04), (2.0, 1.0)])
def test_every_player_beyond_its_limit_is_named_and_the_advice_mends_it(a, c):
    """Rates of 2.5 are too large where 2.5 times the curvature is beyond 2; rates just below the advice are not."""
    seen = look(quadratic(a, c), SOLVERS["simultaneous"](SGD(2.5), SGD(2.5)), steps=2)
    said, beyond = too_large(seen), {"generator": 1.25 * a, "discriminator": 1.25 * c}
    for who, times in beyond.items():
        assert (f"the {who}'s steepest direction" in said) == (times > 1)
        assert (f"the learning rate of the {who} by less than {1 / times:.2g}" in said) == (times > 1)
    rates = {who: SGD(2.5 / max(1.0, 1.1 * times)) for who, times in beyond.items()}
    mended = look(quadratic(a, c), SOLVERS["simultaneous"](**rates), steps=2)
    assert not too_large(mended)
    assert mended.play.motion == "closes in"


@pytest.mark.long
@pytest.mark.parametrize("who", ["generator", "discriminator"])
def test_of_a_player_at_rest_beside_one_that_jumps_it_is_told_that_it_would(who):
    other = {"generator": "discriminator", "discriminator": "generator"}[who]
    x, y = (0.0, 1.0) if who == "generator" else (1.0, 0.0)
    said = too_large(look(quadratic(), SOLVERS["simultaneous"](SGD(2.5), SGD(2.5)), x, y))
    assert f"for the {other}'s steepest direction" in said
    assert f"for the {who}'s" not in said
    assert f"learning rate of the {who}" not in said
    assert f"The {who} is at rest; but once it is moved it jumps as well: its step is 1.25 times its limit" in said


@pytest.mark.long
def test_players_that_are_all_at_rest_are_told_nevertheless():
    seen = look(quadratic(), SOLVERS["simultaneous"](SGD(2.5), SGD(2.5)), 0.0, 0.0)
    assert seen.play.motion in ("leaves", "spirals out")
    assert "the generator's steepest direction" in too_large(seen)
    assert "the discriminator's steepest direction" in too_large(seen)


def exponential(x, y):
    return -torch.exp(x) - y**2 / 2


SOON = {
    "adam": (quadratic(), lambda: SOLVERS["simultaneous"](Adam(0.01), SGD(6.0)), 5.0),
    "adam, alternating": (quadratic(), lambda: SOLVERS["alternating"](Adam(0.01), SGD(6.0)), 5.0),
    "rmsprop": (quadratic(), lambda: SOLVERS["simultaneous"](RMSProp(0.01), SGD(6.0)), 5.0),
    "scheduled": (quadratic(), lambda: SOLVERS["simultaneous"](Scheduled(Adam(0.01), LATE), SGD(6.0)), 5.0),
    "clipped": (quadratic(), lambda: SOLVERS["simultaneous"](NormClipped(Adam(0.01)), SGD(6.0)), 5.0),
    "momentum": (quadratic(), lambda: SOLVERS["simultaneous"](Adam(0.01), Momentum(6.0, 0.5)), (4.5 + 18.25**0.5) / 2),
    "extragradient": (quadratic(), lambda: SOLVERS["extragradient"](Adam(0.01), SGD(6.0)), 31.0),
    "lookahead": (quadratic(), lambda: SOLVERS["lookahead"](Adam(0.01), SGD(6.0)), (5.0**5 - 1) / 2),
    "adam itself": (zero_sum(exponential), lambda: SOLVERS["simultaneous"](SGD(0.1), Adam(5.0)), None),
    "ridge": (zero_sum(exponential), lambda: SOLVERS["follow_the_ridge"](SGD(0.1), SGD(5.0), adapt=True), None),
}
"""Costs, solver, and the size of the largest multiplier of a round, by hand: 1 − h = −5 for descent; 1 − h + h² = 31
for extragradient; the root of λ² + 4.5 λ + ½ for momentum ½; (1 + (−5)⁵)/2 for five steps of lookahead."""


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", SOON)
def test_play_with_a_rule_that_adapts_may_leave_before_it_forgets(name):
    costs, solver, rate = SOON[name]
    seen = look(costs, solver(), steps=0)
    assert seen.play.motion in ("leaves", "spirals out")
    assert 0 < seen.play.played < 300
    if rate is not None:
        assert seen.play.rate == pytest.approx(rate, rel=1e-6)
    assert headline(seen)[1] == "bad"


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("rows", [1, 3, 20])
def test_a_way_that_begins_beyond_all_numbers_is_undecided(rows, noisy, adaptive):
    for way in (2 * HUGE * torch.ones(rows, 2).double(), torch.inf * torch.ones(rows, 2).double()):
        for centre in (None, torch.zeros(2, dtype=torch.double)):
            found = judge_way(way, centre, "the middle of the path", True, noisy, adaptive)
            assert found is not None
            assert found.motion == "undecided"
            assert "begins beyond 1e+100" in found.why
