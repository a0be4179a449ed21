"""Fast extragradient on fields worse than monotone: no step of −2ρ or less, through whatever lowers the steps."""

import copy

import pytest
import torch

from nashpath.core import FunctionalGame, point_of
from nashpath.games import TOYS
from nashpath.run import SettingError
from nashpath.run.assess.changes import changes_of
from nashpath.run.engine.step import Trial, begin
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from nashpath.solvers import (
    AVERAGES,
    CONSTRAINTS,
    RULES,
    SCHEDULES,
    SGD,
    Adam,
    FastExtragradient,
    NormClipped,
    Scheduled,
)
from nashpath.solvers.rollback import Rollback
from nashpath.solvers.schedules import Schedule
from solvers_play import play, vector

RHO = -0.1
"""So that rates must be above 0.2."""


class Floor(Schedule):
    """1/(n + 1), and never below one half."""

    def forward(self, count):
        return (1 / (count + 1)).clamp(min=0.5)


class Warm(Schedule):
    """From one half to 1 in ten steps."""

    def forward(self, count):
        return (0.5 + count / 20).clamp(max=1.0)


def begun(rule, wrap=lambda solver: solver, rho=RHO):
    game = TOYS["weak_minty"]()
    solver = wrap(FastExtragradient(SGD(1.0), rule, comonotonicity=rho))
    solver.init(FunctionalGame(game), point_of(game))
    return solver


FALLING = [name for name in SCHEDULES if name != "constant"]
REFUSED = {
    **{name: lambda name=name: RULES[name](0.5) for name in RULES if name != "sgd"},
    **{f"under {name}": lambda name=name: Scheduled(SGD(1.0), SCHEDULES[name]()) for name in FALLING},
    "scheduled adam": lambda: Scheduled(Adam(0.5), SCHEDULES["constant"]()),
    "clipped": lambda: NormClipped(SGD(0.5), 10.0),
    "clipped under a schedule": lambda: Scheduled(NormClipped(SGD(0.5), 10.0), SCHEDULES["constant"]()),
    "low": lambda: SGD(0.2),
    "low under none": lambda: Scheduled(SGD(0.15), SCHEDULES["constant"]()),
    "a floor that is too low": lambda: Scheduled(SGD(0.4), Floor()),
    "a start that is too low": lambda: Scheduled(SGD(0.4), Warm()),
    "two halves": lambda: Scheduled(Scheduled(SGD(0.7), Floor()), Warm()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_steps_that_come_to_ascend_are_refused(name):
    with pytest.raises(ValueError, match=r"comonotonicity=-0\.1 needs plain descent .* above 0\.2 for the generator"):
        begun(REFUSED[name]())
    begun(REFUSED[name](), rho=0.0)


BORNE = {
    "constant": SCHEDULES["constant"](),
    "a power of 0": SCHEDULES["power"](0.0),
    "stairs of 1": SCHEDULES["step_decay"](1.0),
}


@pytest.mark.parametrize("name", BORNE)
def test_schedules_that_lower_nothing_change_nothing(name):
    game, paths = TOYS["weak_minty"](), []
    for rule in (SGD(0.5), Scheduled(SGD(0.5), BORNE[name])):
        points, _, _ = play(FastExtragradient(rule, rule, comonotonicity=RHO), game, 20)
        paths.append(torch.stack([vector(point) for point in points]))
    torch.testing.assert_close(*paths, rtol=0, atol=0)


@pytest.mark.parametrize("schedule", [Floor(), Warm()])
def test_a_schedule_that_stays_above_the_limit_is_borne(schedule):
    begun(Scheduled(SGD(0.41), schedule))


@pytest.mark.parametrize("wrap", [AVERAGES["ema"], CONSTRAINTS["clip"], Rollback])
def test_what_is_around_the_solver_hides_no_rule(wrap):
    with pytest.raises(ValueError, match=r"needs plain descent"):
        begun(Scheduled(SGD(1.0), SCHEDULES["power"]()), wrap)


@pytest.mark.parametrize(("rate", "refused"), [(6.0, True), (6.5, False)])
def test_going_back_halves_rates_five_times(rate, refused):
    """6.5/32 = 0.203; 6/32 = 0.188."""
    game, solver = TOYS["weak_minty"](), Rollback(FastExtragradient(SGD(rate), SGD(rate), comonotonicity=RHO))
    if refused:
        with pytest.raises(ValueError, match=r"on_divergence=rollback .* above 0\.2"):
            solver.check(FunctionalGame(game))
    else:
        solver.check(FunctionalGame(game))


SETTINGS = {
    "game": "weak_minty",
    "steps": 20,
    "compile": "off",
    "solver": "fast_extragradient",
    "solver.comonotonicity": RHO,
    **{f"solver.{who}": {"kind": "sgd", "learning_rate": 0.5} for who in ("generator", "discriminator")},
}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (
            {"anneal.solver.generator.learning_rate": 0.01},
            "anneal.solver.generator.learning_rate: .* for the generator",
        ),
        ({"anneal.solver.discriminator.learning_rate": 0.2}, "anneal.solver.discriminator.learning_rate: "),
        ({"anneal.solver.comonotonicity": -0.3}, r"anneal.solver.comonotonicity: .*comonotonicity=-0\.3"),
        ({"on_divergence": "rollback"}, "on_divergence=rollback"),
        ({"constraint": "clip_gradient"}, "NormClipped, not sgd"),
        ({"solver.generator.schedule": "linear"}, "0.5, times 0 under the schedule Linear"),
        ({"anneal.solver.generator.learning_rate": 0.21}, ""),
        ({"anneal.solver.comonotonicity": -0.2}, ""),
    ],
)
def test_settings_that_come_to_ascend_are_refused_by_name(changed, named):
    settings = resolve({}, copy.deepcopy({**SETTINGS, **changed}))
    if not named:
        build_trial(settings, 0)
        return
    with pytest.raises(SettingError, match=named):
        build_trial(settings, 0)


@pytest.mark.parametrize(("rate", "borne"), [(0.5, False), (5.0, True)])
def test_a_diagnosis_tries_no_rates_that_the_solver_refuses(rate, borne):
    solver = FastExtragradient(SGD(rate), SGD(rate), comonotonicity=RHO)
    trial = Trial(TOYS["weak_minty"]().double(), solver.double())
    changes = changes_of(trial, begin(trial))
    assert ("a tenth of the rates" in changes) == borne
    for other in changes.values():
        begin(other)
