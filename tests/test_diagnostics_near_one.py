"""Verdicts where rounds hardly change a distance: multipliers near 1, lines of rest, kinks, slow repulsion."""

import math
from typing import ClassVar

import numpy as np
import pytest
import torch

from nashpath.diagnostics import RunSummary, contraction_of, headline, judge_way, statements
from nashpath.diagnostics.play_words import play_in_words
from nashpath.games import TOYS
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin
from nashpath.solvers import SGD, Alternating, Simultaneous
from test_diagnostics_kinks import Written, zero_sum

PLAIN = ("simultaneous", "alternating", "extragradient")


class AtOrigin(Written):
    """The same, which is known to be at rest where all numbers are 0."""

    equilibrium: ClassVar = {"generator": 0.0, "discriminator": 0.0}


def read(costs, x=(0.0,), y=(0.0,), kind=Simultaneous, rate=0.1, game=AtOrigin, **options) -> RunSummary:
    trial = Trial(game(costs, list(x), list(y)), kind(SGD(rate), SGD(rate)))
    return diagnose_member(0, trial, begin(trial), **{"advise": False, **options}).summary


def turned(matrix, seed):
    """A matrix in other coordinates."""
    turn = np.linalg.qr(np.random.default_rng(seed).standard_normal(matrix.shape))[0]
    return turn @ matrix @ turn.T


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("others", [(), (0.5, -0.3, 0.0)])
@pytest.mark.parametrize("order", [2, 3, 4])
def test_a_defective_multiplier_of_1_is_told_by_no_rounding_of_it(order, others, seed):
    """A Jordan block of order p is moved by the p-th root of a rounding: 1e-8 to 1e-4. Its powers grow as time does."""
    matrix = np.diag(np.r_[np.ones(order), others])
    matrix[np.arange(order - 1), np.arange(1, order)] = 0.2
    found = contraction_of(turned(matrix, seed))
    assert not found.sure
    assert (found.motion, found.rate) == ("leaves", pytest.approx(1.0, abs=1e-12))


@pytest.mark.parametrize("off", [1e-2, 1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_simple_multiplier_beside_1_is_told_however_near_it_is(off, sign):
    memory = np.diag([1 + sign * off, 0.5, 0.0, 0.0])
    memory[2, 3] = 1.0  # a solver's memory of two rounds: a defective multiplier of 0
    found = contraction_of(turned(memory, 0))
    assert (found.motion, found.sure) == ("leaves" if sign > 0 else "closes in", True)
    assert found.rate == pytest.approx(1 + sign * off, abs=1e-3 * off)


@pytest.mark.long
@pytest.mark.parametrize(
    ("costs", "kind", "truths"),
    [
        (zero_sum(lambda x, y: -((x - y) ** 2) + x**4), Simultaneous, {"closes in"}),  # as 1/√t, from any start
        (zero_sum(lambda x, y: -((x - y) ** 2) + 3 * x**4), Simultaneous, {"closes in"}),
        ((lambda x, y: x * y, lambda x, y: -(x**3) * y), Alternating, {"goes round"}),  # y²/2 + x⁴/4 is kept
        ((lambda x, y: 2 * x * y, lambda x, y: -(x**3) * y), Alternating, {"goes round"}),
        ((lambda x, y: x * y**3, lambda x, y: -x * y), Alternating, {"goes round"}),
    ],
)
def test_a_nonlinear_game_is_played_where_its_multipliers_are_1_up_to_rounding(costs, kind, truths):
    play = read(costs, kind=kind, quick=True).play
    assert play.motion in truths | {"undecided"}
    assert play.played


@pytest.mark.long
def test_a_linear_game_of_growth_as_time_is_told_by_its_round():
    """x moves by y every round, which stays."""
    play = read((lambda x, y: x * y, lambda x, y: 0 * x * y), kind=Alternating).play
    assert (play.motion, play.played) == ("leaves", 0)


@pytest.mark.long
@pytest.mark.parametrize("off", [1e-4, -1e-4, 1e-6, -1e-6])
def test_multipliers_beside_a_point_of_rest_are_not_its_own(off):
    """xy + x³/3 turns at 0 and nothing else; beside it the Jacobian has 2x on its diagonal, of either sign."""
    play = read(zero_sum(lambda x, y: x * y + x**3 / 3), x=(off,), kind=Alternating, quick=True).play
    assert play.played


@pytest.mark.parametrize("times", [3.0, 10.0])
@pytest.mark.parametrize("steady", [True, False])
def test_growth_that_slows_down_is_not_said_to_go_on(times, steady):
    """An oscillator's first quarter of a turn grows as time does; what leaves a point grows by its own length."""
    t = torch.linspace(0, 1, 801, dtype=torch.double)
    radius = times**t if steady else 1 + (times - 1) * t
    way = torch.stack([radius, torch.zeros_like(t)], 1)
    found = judge_way(way, torch.zeros(2, dtype=torch.double), "the known equilibrium", final=True)
    assert found is not None
    assert found.motion == ("leaves" if steady else "undecided")


@pytest.mark.parametrize("seed", range(5))
def test_noise_that_runs_away_leaves_without_turns(seed):
    """Each number is multiplied by 1 − 0.2 (1 + 40 ε): its mean shrinks, and a way of it grows with random signs."""
    rng = np.random.default_rng(seed)
    factors = 1 - 0.2 * (1 + 40 * rng.standard_normal((200, 2)))
    way = torch.from_numpy(np.cumprod(np.vstack([np.ones(2), factors]), 0))
    found = judge_way(way, torch.zeros(2, dtype=torch.double), "the known equilibrium", final=False, noisy=True)
    assert found is not None
    assert (found.motion, found.turn) == ("leaves", math.inf)
    assert "nan" not in play_in_words(found)


@pytest.mark.parametrize("beside", [0.0, 1e-5, 5e-4, 1e-2])
@pytest.mark.parametrize("rate", [0.3, 0.9, -0.9, 0.97])
@pytest.mark.parametrize("adaptive", [False, True])
def test_the_rate_of_an_arrival_is_that_of_the_way_there(rate, beside, adaptive):
    """Whether play ends at the centre, within a thousandth of its way beside it, or further off, where it rests."""
    t = torch.arange(801, dtype=torch.double)
    way = torch.stack([rate**t, beside * torch.ones_like(t)], 1)
    before = way[:200] if adaptive and beside < 1e-3 else None
    way = way if before is None else way[200:]
    centre = torch.zeros(2, dtype=torch.double)
    found = judge_way(way, centre, "the known equilibrium", final=True, adaptive=adaptive, before=before)
    assert found is not None
    assert found.motion == "closes in"
    assert found.rate == pytest.approx(abs(rate), abs=0.1 * (1 - abs(rate)))


@pytest.mark.long
@pytest.mark.parametrize("rate", [0.05, 0.1, 0.2])
def test_play_towards_a_line_of_rest_has_the_rate_of_its_slowest_part(rate):
    """(x₀x₁ − 1)² − y²: y shrinks by 1 − 2h a round exactly, and x₀x₁ − 1 faster by its curvature x₀² + x₁² > 2."""
    costs = zero_sum(lambda x, y: (x[0] * x[1] - 1) ** 2 - y**2)
    play = read(costs, (1.3, 0.7), (1.0,), rate=rate, game=Written, quick=True).play
    assert play.motion == "closes in"
    assert play.rate == pytest.approx(1 - 2 * rate, abs=0.05 * rate)


@pytest.mark.parametrize("start", [1.0, 0.9937])
@pytest.mark.parametrize("step", [1e-3, 3e-3, 1e-2])
def test_steps_across_a_kink_close_in_at_no_number_of_rounds(step, start):
    """|x| by steps of one length: a cycle of two about 0, which the parity of the last round says nothing about."""
    x = [start - step / 3]
    for _ in range(1400):
        x.append(x[-1] - step * math.copysign(1, x[-1]))
    way = torch.tensor(x, dtype=torch.double)[:, None]
    arrived = int((way[:, 0] < step).nonzero()[0])
    centre = torch.zeros(1, dtype=torch.double)
    for rounds in [*range(arrived, arrived + 40, 3), *range(arrived, 1400, 97), 1399]:
        for final in (True, False):
            found = judge_way(way[: rounds + 1], centre, "the known stationary point", final)
            assert found is None or found.motion in ("goes round", "undecided"), rounds
    at_last = judge_way(way, centre, "the known stationary point", final=True)
    assert at_last is not None
    assert (at_last.motion, at_last.turn) == ("goes round", 2.0)


@pytest.mark.long
def test_smaller_steps_across_a_kink_are_no_advice():
    seen = read(zero_sum(lambda x, y: x.abs() - y.abs()), (1.0,), (1.0,), rate=0.01, advise=True)
    assert seen.tried
    assert "closes in" not in {one.found.motion for one in seen.tried}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
@pytest.mark.parametrize("bend", [1e-3, 1e-5, 1e-6, 1e-8, 0.0, -1e-8, -1e-6, -1e-5, -1e-3])
def test_no_step_is_stable_where_a_direction_repels_however_slowly(bend, kind):
    """bend x² − y² apart: 1 − 2h·bend and 1 − 2h a round, in any order, so that the sign of the bend says it."""
    seen = read(zero_sum(lambda x, y: bend * x**2 - y**2), kind=kind)
    margins = seen.margins or {}
    assert not seen.windows
    if bend < 0:
        assert margins == dict.fromkeys(PLAIN, 0.0)
        assert (seen.kind, seen.play.motion) == ("no equilibrium", "leaves")
    else:
        assert margins["simultaneous"] == margins["alternating"] == pytest.approx(10, rel=1e-4)
        assert margins["extragradient"] == pytest.approx(5, rel=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_steps_that_are_called_stable_are_those_that_play_stays_at(seed):
    """Random quadratic games with a player of hardly any curvature, at rest: two answers to one question."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.choice([1, -1], 3) * 10 ** rng.uniform([-8, -3, -1], [-3, 0, 0])
    seen = read(zero_sum(lambda x, y: a * x**2 / 2 + b * x * y - c * y**2 / 2), kind=Alternating)
    margin = (seen.margins or {})["alternating"]
    window = seen.windows.get("alternating", (math.inf, 0.0))
    stable = margin > 1 or window[0] <= 1 <= window[1]
    assert stable == (seen.play.motion not in ("leaves", "spirals out")), (a, b, c)


@pytest.mark.long
@pytest.mark.parametrize(
    ("cost", "known"),
    [
        (lambda x: x**3, False),
        (lambda x: -(x**4), False),
        (lambda x: -(x**7), False),
        (lambda x: x**4, True),
        (lambda x: 0 * x, True),
    ],
)
def test_steps_say_nothing_where_a_flat_direction_is_left(cost, known):
    seen = read(zero_sum(lambda x, y: cost(x) - y**2), quick=True)
    said = next(one.sentence for one in statements(seen) if one.code == "stable steps")
    assert bool(seen.margins) == known
    assert ("unknown, since the generator gains along a flat direction" in said) == (not known)


@pytest.mark.long
def test_steps_say_nothing_where_no_eigenvalue_differs_from_0():
    """−(x − y)² has the curvatures −2 and 2, and the Jacobian's square is 0."""
    for value in (lambda x, y: -((x - y) ** 2) + x**4, lambda x, y: x**4 - y**4):
        seen = read(zero_sum(value), quick=True)
        assert seen.margins is None
        assert "higher orders decide" in seen.unknown


@pytest.mark.long
@pytest.mark.parametrize("at", [0.0, 0.3])
@pytest.mark.parametrize(
    ("a", "b", "c", "quality"),
    [
        (2.0, 3.0, 2.0, "good"),  # local Nash
        (-0.5, 3.0, 2.0, "good"),  # minimax: answered, the generator's curvature is −½ + 9/2
        (2.0, 3.0, -0.5, "bad"),  # the discriminator would leave: its cost bends by −½
    ],
)
def test_play_that_closes_in_is_good_where_nobody_would_leave(a, b, c, quality, at):
    value = TOYS["quadratic"](a, b, c).double().value
    seen = read(zero_sum(lambda x, y: value(x, y)), (at,), (at,))
    said, told = headline(seen)
    assert (seen.play.motion, told) == ("closes in", quality)
    assert ("no equilibrium" in said) == (quality == "bad")


@pytest.mark.long
@pytest.mark.parametrize("power", [7, 8, 10])
def test_rest_on_a_slope_that_hardly_begins_is_not_good(power):
    seen = read(zero_sum(lambda x, y: -(x**power) - y**2), quick=True)
    assert seen.kind == "no equilibrium"
    assert headline(seen)[1] == "bad" or seen.play.motion != "closes in"


@pytest.mark.parametrize("others", [(0.9,), (0.5, -0.3), (1.0, 0.9), (-1.0,)])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("off", [k * 10.0**-e for e in (8, 9, 10) for k in (1, 2, 5)])
def test_a_multiplier_is_said_to_do_one_thing(off, sign, others):
    """Beside 1 by any amount that rounding does not make: it grows or shrinks, and nothing that grows closes in."""
    found = contraction_of(turned(np.diag([1 + sign * off, *others]), 1))
    assert (found.rate < 1) == (found.motion == "closes in")
    assert found.flat == (0 if sign > 0 else others.count(1.0))
    expected = "leaves" if sign > 0 else "goes round" if -1.0 in others else "closes in"
    assert found.motion == expected
    if found.motion == "closes in":
        assert 1 - found.rate == pytest.approx(off, rel=1e-3)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("off", [1e-10, 3e-10, 1e-9, 3e-9, 1e-8])
def test_play_and_steps_say_the_same_of_a_slow_direction(off, sign, kind):
    """sign · 5 off x² − y² at rates of 1/10 has the multipliers 1 − sign · off and 0.8."""
    seen = read(zero_sum(lambda x, y: sign * 5 * off * x**2 - y**2), kind=kind, quick=True)
    present = next(iter((seen.margins or {}).values()))
    assert (seen.play.motion, seen.play.flat) == ("closes in" if sign > 0 else "leaves", 0)
    assert (present > 1) == (sign > 0)
    assert headline(seen)[1] == ("good" if sign > 0 else "bad")
    assert abs(1 - seen.play.rate) == pytest.approx(off, rel=1e-3)
