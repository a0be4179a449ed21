"""What a point is does not depend on the unit of the costs, nor on a constant of their size: a table of games."""

import pytest
import torch

from nashpath.core import FunctionalGame, point_of
from nashpath.diagnostics import Certificate, Linearised, certify, headline, statements
from test_diagnostics_kinks import Written, read, zero_sum

PLANE = [0.0, 0.0]
GAMES = {
    "xy": (lambda x, y: x * y, 0.0, "local Nash"),
    "0": (lambda x, y: 0 * x * y, 0.0, "local Nash"),
    "x⁴ − y⁴": (lambda x, y: x**4 - y**4, 0.0, "local Nash"),
    "x³ − y²": (lambda x, y: x**3 - y**2, 0.0, "no equilibrium"),
    "x⁷ − y²": (lambda x, y: x**7 - y**2, 0.0, "no equilibrium"),
    "x⁸ − y²": (lambda x, y: x**8 - y**2, 0.0, "local Nash"),
    "−x⁸ − y²": (lambda x, y: -(x**8) - y**2, 0.0, "no equilibrium"),
    "x⁴ − 20x⁶ − y²": (lambda x, y: x**4 - 20 * x**6 - y**2, 0.0, "local Nash"),
    "−x² + 2xy − y²/2": (lambda x, y: -(x**2) + 2 * x * y - y**2 / 2, 0.0, "local minimax"),
    "−x⁴ + 3xy − y²": (lambda x, y: -(x**4) + 3 * x * y - y**2, 0.0, "local minimax"),
    "10⁶x₀² − 10⁻⁶x₁² − y²": (lambda x, y: 1e6 * x[0] ** 2 - 1e-6 * x[1] ** 2 - y**2, PLANE, "no equilibrium"),
    "x₀⁴ + x₀²x₁² + x₁⁴ − y²": (lambda x, y: x[0] ** 4 + (x[0] * x[1]) ** 2 + x[1] ** 4 - y**2, PLANE, "local Nash"),
    "a monkey saddle": (lambda x, y: x[0] ** 3 - 3 * x[0] * x[1] ** 2 - y**2, PLANE, "no equilibrium"),
    "Peano's": (lambda x, y: (x[1] - x[0] ** 2) * (x[1] - 3 * x[0] ** 2) - y**2, PLANE, "no equilibrium"),
    "Peano's, flat": (
        lambda x, y: (x[1] - x[0] ** 2) * (x[1] - 3 * x[0] ** 2) * (x @ x) - y**2,
        PLANE,
        "no equilibrium",
    ),
    "Peano's of third order, flat": (
        lambda x, y: (x[1] - x[0] ** 3) * (x[1] - 2 * x[0] ** 3) * (x @ x) - y**2,
        PLANE,
        "no equilibrium",
    ),
    "a curved valley, flat": (
        lambda x, y: (x[1] - x[0] ** 2) ** 2 * (x @ x) + (x @ x) ** 4 - y**2,
        PLANE,
        "local Nash",
    ),
    "a pull": (lambda x, y: (x - 1) ** 2 - y**2, 0.0, "not stationary"),
}
SCALES = (1.0, 1e-12, 1e12, 1e-30)


def written(value, x, scale=1.0, constant=0.0):
    costs = (lambda a, b: scale * (constant + value(a, b)), lambda a, b: -scale * (constant + value(a, b)))
    return Written(costs, x, 0.0).double()


def kind_of(game):
    return certify(Certificate(1).evidence(FunctionalGame(game), point_of(game), {}))


@pytest.mark.long(first=True)
@pytest.mark.parametrize("constant", [0.0, 1.0])
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", GAMES)
def test_a_point_is_the_same_in_any_unit(name, scale, constant):
    value, x, kind = GAMES[name]
    assert kind_of(written(value, x, scale, constant)) == kind


@pytest.mark.parametrize("scale", SCALES)
def test_what_a_constant_hides_is_claimed_by_nobody(scale):
    """10⁻²⁰ of the constant is below its last digit wherever the cost is looked up."""
    for value in (lambda x, y: x**3 - y**2, lambda x, y: x**4 - y**2):
        assert kind_of(written(lambda x, y, f=value: 1e-20 * f(x, y), 0.0, scale, 1.0)) == "undecided"


@pytest.mark.parametrize("scale", SCALES)
def test_a_kink_is_found_in_any_unit(scale):
    for value, kink in ((lambda x, y: x.abs() + y**2, True), (lambda x, y: torch.exp(x) * y.cos() + x**3, False)):
        game = written(value, 0.0, scale)
        assert Linearised(FunctionalGame(game), point_of(game), {}).has_kink() == kink


@pytest.mark.long
@pytest.mark.parametrize(
    ("value", "x"),
    [
        (lambda x, y: x**4 - 400 * x**6 - y**2, 0.0),
        (lambda x, y: (x[1] - x[0] ** 2) * (x[1] - 3 * x[0] ** 2) * (x @ x) - y**2, [0.0] * 20),
    ],
)
def test_a_point_that_play_leaves_is_no_equilibrium_because_no_probe_gained(value, x):
    """x⁴ is a minimum, of ±1/20; and in 20 dimensions Peano's wedge is met by no straight line that is tried."""
    seen = read(zero_sum(lambda a, b: value(a, b).sum()), x, 0.0, rate=0.1)
    assert (seen.play.motion, seen.kind) == ("leaves", "undecided")
    assert "play leaves, and a cost falls below that of the point: the generator's" in statements(seen)[0].sentence
    assert headline(seen)[1] == "bad"


@pytest.mark.long
@pytest.mark.parametrize(
    ("costs", "x"),
    [
        ((lambda x, y: -x * y, lambda x, y: -x * y), 0.0),  # together they gain, alone nobody does
        (zero_sum(lambda x, y: 1e6 * x[0] ** 2 + 1e-6 * x[1] ** 2 - y**2), PLANE),  # its steps are too large
    ],
)
def test_play_may_leave_a_nash_point(costs, x):
    """Each player's own cost is lowest there, or level: that play leaves is no sign against it."""
    seen = read(costs, x, 0.0, rate=0.1)
    assert (seen.play.motion, seen.kind) == ("leaves", "local Nash")
