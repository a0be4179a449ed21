"""Directions that the first order leaves: that play stays along them is said where it was found."""

import math

import pytest

from nashpath.diagnostics import Behaviour, RunSummary, headline
from nashpath.diagnostics.evidence import PointEvidence
from nashpath.diagnostics.play_words import play_in_words
from nashpath.solvers import Alternating, Simultaneous
from test_diagnostics_kinks import Written, zero_sum
from test_diagnostics_near_one import read

LEFT = {
    "−x⁶ − y²": (zero_sum(lambda x, y: -(x**6) - y**2), [0.0]),
    "−x⁸ + x¹⁰ − y²": (zero_sum(lambda x, y: -(x**8) + x**10 - y**2), [0.0]),
    "(x₁ − x₀²)(x₁ − 2 x₀²) − y²": (
        zero_sum(lambda x, y: (x[1] - x[0] ** 2) * (x[1] - 2 * x[0] ** 2) - y[0] ** 2),
        [0.0, 0.0],
    ),
    "x₀' = y⁵, y' = x₀⁵": ((lambda x, y: 0.5 * x[1] ** 2 - x[0] * y**5, lambda x, y: -y * x[0] ** 5), [0.0, 0.0]),
}
LINES = {
    "(x₀x₁ − 1)² − y²": (zero_sum(lambda x, y: (x[0] * x[1] - 1) ** 2 - y**2), [2.0, 0.5]),
    "x₀² + x₀³ − y², for any x₁": (zero_sum(lambda x, y: x[0] ** 2 + x[0] ** 3 - y**2 + 0 * x[1]), [0.0, 0.0]),
    "sin(x₀ − x₁)² − y²": (zero_sum(lambda x, y: (x[0] - x[1]).sin() ** 2 - y**2), [0.3, 0.3]),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
@pytest.mark.parametrize("name", LEFT)
def test_play_that_leaves_by_higher_orders_is_not_said_to_stay(name, kind):
    """In all of them play runs away from 0, as powers of time at first; nothing of J says so."""
    costs, x = LEFT[name]
    seen = read(costs, x, (0.0,), kind=kind, game=Written)
    assert seen.play.motion in ("leaves", "spirals out", "undecided")
    assert headline(seen)[1] != "good"


@pytest.mark.long
@pytest.mark.parametrize("name", ["−x⁶ − y²", "−x⁸ + x¹⁰ − y²"])
def test_where_it_leaves_from_is_said(name):
    costs, x = LEFT[name]
    seen = read(costs, x, (0.0,), game=Written, quick=True)
    assert (seen.play.motion, headline(seen)[1]) == ("leaves", "bad")
    assert "begun 0.3 of 1 + ‖θ‖ away along its flat directions" in play_in_words(seen.play)


@pytest.mark.long
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
@pytest.mark.parametrize("name", LINES)
def test_along_a_line_of_equilibria_play_stays_and_that_is_good(name, kind):
    costs, x = LINES[name]
    seen = read(costs, x, (0.0,), kind=kind, game=Written, quick=True)
    assert (seen.play.motion, seen.play.flat, seen.play.along) == ("closes in", 1, 0.3)
    assert headline(seen)[1] == "good"
    assert "along which it was found to stay up to 0.3 of 1 + ‖θ‖ away" in play_in_words(seen.play)


@pytest.mark.long
def test_a_linear_game_stays_along_its_lines_from_everywhere():
    seen = read(zero_sum(lambda x, y: (x[0] - x[1]) ** 2 - y**2), [0.5, 0.5], (0.0,), game=Written, quick=True)
    assert (seen.play.flat, seen.play.along, headline(seen)[1]) == (1, math.inf, "good")
    assert "along which it stays (" in play_in_words(seen.play)


@pytest.mark.long
@pytest.mark.parametrize("power", [6, 8])
def test_a_direction_that_attracts_by_higher_orders_is_not_said_to_stay(power):
    """x^p: x' = −p x^(p−1) closes in on 0 as a power of time; nothing stays where it is."""
    seen = read(zero_sum(lambda x, y: x**power - y**2), game=Written, quick=True)
    assert seen.play.motion in ("closes in", "undecided")
    assert (seen.play.flat, seen.play.along) == (0, math.inf)


@pytest.mark.parametrize(("along", "quality"), [(math.inf, "good"), (0.3, "good"), (0.0, "open")])
def test_staying_to_first_order_alone_is_not_good(along, quality):
    told = Behaviour("closes in", 0.9, flat=2, along=along)
    assert headline(RunSummary("local Nash", PointEvidence(), told))[1] == quality
    assert headline(RunSummary("not stationary", PointEvidence(), told))[1] == quality
    assert ("to first order" in play_in_words(told)) == (along == 0)


@pytest.mark.parametrize("start", [0.01, 0.015])
def test_a_crawl_that_looks_like_rest_is_not_good(start):
    """−x⁶ − y²: beside 0 a round moves x by less than a millionth, outwards, while y arrives."""
    seen = read(zero_sum(lambda x, y: -(x**6) - y**2), (start,), (1.0,), game=Written, quick=True)
    assert headline(seen)[1] != "good"
