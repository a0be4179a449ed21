"""Play under falling rates is judged by where they carry it: on a quadratic that is a product over its steps."""

import math

import pytest
import torch

from nashpath.diagnostics import findings, headline, statements
from nashpath.games.toys import Bilinear, Quadratic
from nashpath.run.assess.changes import changes_of
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.assess.schedules import at_present_rates, rates_left
from nashpath.run.engine.step import Annealing, Trial, begin, hyperparameters_of, make_step
from nashpath.solvers import SGD, Alternating, NormClipped, Scheduled, Simultaneous
from nashpath.solvers.schedules import SCHEDULES, InverseSqrt, Linear, Power, StepDecay

RATE = 0.1
WRAPS = {"bare": lambda rule: rule, "clipped": lambda rule: NormClipped(rule, 1e6)}
FALLING = {
    "constant": (SCHEDULES["constant"], lambda n: 1.0),
    "inverse_sqrt": (InverseSqrt, lambda n: (n + 1) ** -0.5),
    "power .75": (lambda: Power(0.75), lambda n: (n + 1) ** -0.75),
    "power 1.5": (lambda: Power(1.5), lambda n: (n + 1) ** -1.5),
    "power 2": (lambda: Power(2.0), lambda n: (n + 1) ** -2.0),
    "step_decay fast": (lambda: StepDecay(0.5, 1.0), lambda n: 0.5**n),
    "step_decay slow": (lambda: StepDecay(0.9, 40.0), lambda n: 0.9 ** (n // 40)),
    "linear short": (lambda: Linear(20.0, 0.0), lambda n: max(0.0, 1 - n / 20)),
    "linear long": (lambda: Linear(400.0, 0.0), lambda n: max(0.0, 1 - n / 400)),
    "linear held": (lambda: Linear(120.0, 0.5), lambda n: min(1.0, max(0.0, (120 - n) / 60))),
}


def test_every_schedule_of_the_table_is_asked():
    assert {type(make()) for make, _ in FALLING.values()} == set(SCHEDULES.values())


def played(trial, steps):
    state, step, numbers = begin(trial), make_step(trial), hyperparameters_of(trial)
    with torch.no_grad():
        for _ in range(steps):
            state, _ = step(state, numbers, {})
    return state


def under(make, game, steps=3, kind=Simultaneous, wrap=WRAPS["bare"], annealing=None, **asked):
    rules = [wrap(Scheduled(SGD(RATE), make())) for _ in "dg"]
    trial = Trial(game.double(), kind(*rules).double(), annealing)
    return diagnose_member(0, trial, played(trial, steps), **{"quick": True, "advise": False, **asked}).summary


def decoupled() -> Quadratic:
    """½ x² − ½ y² at (1, 1): every step leaves 1 − h of both, so that all distances are one product."""
    return Quadratic(a=1.0, b=0.0, c=1.0, x=1.0, y=1.0)


def log_left(factor, first, rounds) -> float:
    return sum(math.log1p(-RATE * factor(first + k)) for k in range(rounds))


@pytest.mark.long
@pytest.mark.parametrize("wrap", WRAPS)
@pytest.mark.parametrize("name", FALLING)
def test_on_a_quadratic_play_ends_where_the_product_of_its_steps_says(name, wrap):
    """Closed form: what is left is the product of 1 − h_t λ; short of 1 % for ever exactly where that stays above."""
    make, factor = FALLING[name]
    seen = under(make, decoupled(), wrap=WRAPS[wrap])
    ever = log_left(factor, 3, 200_000)
    ends = name not in ("constant", "inverse_sqrt", "power .75")  # sums of rates that diverge end at 0
    assert (seen.play.motion == "stops short") == (ends and ever > math.log(0.01))
    assert seen.play.motion in ("stops short", "closes in")
    if name == "constant":
        assert not seen.play.falling
        return
    if seen.play.reached:
        assert log_left(factor, 3, seen.play.reached) <= math.log(0.01) < log_left(factor, 3, seen.play.reached - 1)
    else:
        assert math.log(seen.play.share) == pytest.approx(log_left(factor, 3, seen.play.played), rel=1e-6)
    said = " ".join(one.sentence for one in statements(seen))
    assert "should that rate last" not in said
    assert ("stops short" in headline(seen)[0]) == (seen.play.motion == "stops short")
    assert headline(seen)[1] == ("good" if seen.play.reached else "open")


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", ["linear long", "step_decay fast", "power 2"])
def test_growth_that_the_schedule_ends_goes_nowhere(name):
    """On xy simultaneous steps multiply the distance by sqrt(1 + h²): here by less than e^½ in all."""
    make, factor = FALLING[name]
    seen = under(make, Bilinear(x=1.0, y=1.0))
    grown = math.prod(1 + (RATE * factor(3 + k)) ** 2 for k in range(seen.play.played)) ** 0.5
    assert seen.play.motion == "stops short"
    assert seen.play.share == pytest.approx(grown, rel=1e-6)
    assert findings(seen) == []
    assert headline(seen)[1] == "open"


@pytest.mark.long
@pytest.mark.parametrize(("end", "short"), [(0.0, True), (RATE, False)])
def test_annealing_is_played_on_as_schedules_are(end, short):
    ends = {f"rules.{who}.rule.learning_rate": torch.tensor(end) for who in ("generator", "discriminator")}
    seen = under(SCHEDULES["constant"], decoupled(), annealing=Annealing({"solver": ends}, 30))
    assert seen.play.falling == short
    left = 0.5 * sum(1 + math.cos(math.pi * n / 30) for n in range(3, 30)) * RATE
    assert (seen.play.motion == "stops short") == short
    if short:
        assert left < -math.log(seen.play.share) < 1.1 * left


@pytest.mark.long(first=True)
@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("rounds", [5, 1500])
def test_rates_left_are_sums_over_the_steps_that_each_player_takes(turns, rounds):
    """Power 2: sums of 1/n² from the count of each player, by hand; the discriminator counts each of its turns."""
    rules = [Scheduled(SGD(RATE), Power(2.0)) for _ in "dg"]
    trial = Trial(decoupled().double(), Alternating(*rules, discriminator_steps=turns).double())
    before, after = played(trial, 2), played(trial, 2 + rounds)
    found = rates_left(trial, before, after, rounds)
    far = 3_000_000
    shares = []
    for many in (turns, 1):
        at = (1.0 + many * torch.arange(2, far, dtype=torch.float64)) ** -2
        shares.append(float(at[rounds:].sum() / at[:rounds].sum()))
    assert found == pytest.approx(max(shares), rel=1e-2)


def test_changes_that_are_tried_go_on_at_the_present_rates():
    rules = [NormClipped(Scheduled(SGD(RATE), Power(1.0)), 3.0) for _ in "dg"]
    trial = Trial(Bilinear(x=1.0, y=1.0).double(), Simultaneous(*rules).double())
    state = played(trial, 4)
    for name, other in changes_of(trial, state).items():
        for who in ("generator", "discriminator"):
            memory = begin(other).memory
            rate = float(other.solver.rule(who).rate(other.solver.rule_memory(memory, who)))
            assert rate == pytest.approx(RATE / 5 * (0.1 if "tenth" in name else 1.0))
    assert at_present_rates(trial.solver, state.memory) is not trial.solver
