"""Steps of Adam, RMSProp and ACGD where no gradient was met: no advice from a rate over epsilon."""

import pytest
import torch

from nashpath.diagnostics import RunSummary, findings, headline, statements
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin, hyperparameters_of, make_step
from nashpath.solvers import SGD, SOLVERS, Adam, Alternating, RMSProp
from test_diagnostics_kinks import Written, zero_sum

SADDLE = zero_sum(lambda x, y: x**2 / 2 - y**2 / 2)
RULES = {"adam": lambda rate, **more: Adam(rate, **more), "rmsprop": lambda rate, **more: RMSProp(rate, **more)}


def after(costs, x, y, rule, steps=5, kind=Alternating) -> RunSummary:
    trial = Trial(Written(costs, x, y).double(), kind(rule(), rule()).double())
    state, step, numbers = begin(trial), make_step(trial), hyperparameters_of(trial)
    with torch.no_grad():
        for _ in range(steps):
            state, _ = step(state, numbers, {})
    return diagnose_member(0, trial, state, quick=True, advise=False).summary


@pytest.mark.long
@pytest.mark.parametrize("steps", [1, 5])
@pytest.mark.parametrize("rate", [1e-4, 1e-2])
@pytest.mark.parametrize("name", RULES)
def test_play_that_met_no_gradient_is_given_no_advice_on_steps(name, rate, steps):
    seen = after(SADDLE, 0.0, 0.0, lambda: RULES[name](rate), steps)
    assert seen.kind == "local Nash"
    assert (findings(seen), seen.sharpness, seen.margins) == ([], {}, None)
    assert "the discriminator and the generator met no gradient so far" in seen.unknown
    assert "unknown, since" in statements(seen)[-1].sentence
    assert "multiplier" not in seen.play.why
    assert headline(seen)[1] != "bad"


@pytest.mark.long
def test_a_solver_that_adapts_by_itself_is_no_other():
    seen = after(SADDLE, 0.0, 0.0, lambda: SGD(0.1), kind=SOLVERS["acgd"])
    assert (findings(seen), seen.margins) == ([], None)
    assert "met no gradient" in seen.unknown


@pytest.mark.long
@pytest.mark.parametrize("epsilon", [0.1, 1.0])
def test_an_epsilon_beyond_all_gradients_nearby_is_a_step_that_play_takes(epsilon):
    """Then Adam is heavy ball of step h g / ε, g the gain of 5 steps: stable up to 2 (1 + β) ε / ((1 − β) h g)."""
    seen = after(SADDLE, 0.0, 0.0, lambda: Adam(1e-3, b1=0.5, epsilon=epsilon))
    limit = 2 * 1.5 * epsilon * (1 - 0.5**5) / (0.5 * 1e-3)
    assert (seen.margins or {})["simultaneous"] == pytest.approx(limit, rel=1e-3)
    assert seen.sharpness["generator"] == pytest.approx(1 / limit, rel=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("who", ["generator", "discriminator"])
def test_of_one_player_that_met_no_gradient_the_other_is_asked(who):
    x, y = (0.0, 1.0) if who == "generator" else (1.0, 0.0)
    other = {"generator": "discriminator", "discriminator": "generator"}[who]
    for rate, bad in ((1e-3, False), (50.0, True)):
        seen = after(SADDLE, x, y, lambda rate=rate: Adam(rate), 1)
        assert list(seen.sharpness) == [other]
        assert (findings(seen) != []) == bad  # one step of Adam moves by its rate, here beyond the valley
        assert seen.unknown.startswith(f"the {who} met no gradient so far")


@pytest.mark.long
@pytest.mark.parametrize("at", [-1.0, -1e-3])
@pytest.mark.parametrize("bend", [0.0, 3.0])
def test_weights_that_do_not_act_hide_nothing_of_the_others(bend, at):
    """relu(x₁)² at x₁ < 0: its gradient is 0 there and around, so that no step of it is too large."""
    dead = zero_sum(lambda x, y: x[0] ** 2 / 2 + bend * torch.relu(x[1]) ** 2 - y[0] ** 2 / 2)
    seen, alone = after(dead, [1.0, at], [1.0], lambda: Adam(1e-3)), after(SADDLE, 1.0, 1.0, lambda: Adam(1e-3))
    for who, value in alone.sharpness.items():
        assert seen.sharpness[who] == pytest.approx(value, rel=1e-6)
    assert "met no gradient" not in seen.unknown


@pytest.mark.long
def test_some_weights_that_met_no_gradient_leave_the_others_sharpness():
    """x₁ rests at 0 with curvature 6, x₀ does not: of x₁'s step nothing is known, of x₀'s all."""
    seen = after(
        zero_sum(lambda x, y: x[0] ** 2 / 2 + 3 * x[1] ** 2 - y[0] ** 2 / 2), [1.0, 0.0], [1.0], lambda: Adam(1e-3)
    )
    alone = after(SADDLE, 1.0, 1.0, lambda: Adam(1e-3))
    assert seen.sharpness["generator"] == pytest.approx(alone.sharpness["generator"], rel=1e-6)
    assert seen.margins is None
    assert seen.unknown.startswith("1 of the generator's 2 weights met no gradient so far")
