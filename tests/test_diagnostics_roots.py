"""Stable steps from off a stationary point: those of the point itself, or unknown where its curvature vanishes."""

import pytest
import torch

from nashpath.solvers import Alternating
from test_diagnostics_kinks import Written, zero_sum
from test_diagnostics_near_one import read

DEGENERATE = {
    "x⁴ − y⁴": lambda x, y: x**4 - y**4,
    "x⁶ − y⁶": lambda x, y: x**6 - y**6,
    "x⁴ − y²": lambda x, y: x**4 - y**2,
    "x² − y⁶": lambda x, y: x**2 - y**6,
    "x³ − y²": lambda x, y: x**3 - y**2,
    "−x⁴ − y²": lambda x, y: -(x**4) - y**2,
    "|x|³ − y²": lambda x, y: x.abs() ** 3 - y**2,
}


def off(value, start):
    return read(zero_sum(value), (start,), (start,), kind=Alternating, rate=0.05, game=Written, quick=True)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("start", [0.5, 1.7])
@pytest.mark.parametrize("name", DEGENERATE)
def test_no_steps_are_told_from_what_is_left_of_the_way_to_a_degenerate_rest(name, start):
    """The curvature of x^p where Newton's method stops is that of the distance left, and 0 at the end."""
    seen = off(DEGENERATE[name], start)
    assert seen.kind == "not stationary"
    assert seen.margins is None
    assert "the curvature still changes" in seen.unknown


@pytest.mark.long(first=True)
@pytest.mark.parametrize("start", [0.1, 0.4])
@pytest.mark.parametrize(
    ("value", "limit"),
    [
        (lambda x, y: x**2 - y**2 + x**3 / 9, 20),  # 2 over the curvature 2, over the rate
        (lambda x, y: torch.sin(x) ** 2 - torch.exp(y) + y, 20),
        (lambda x, y: 4 * x**2 + x**4 - y**2 - y**6, 5),
        (lambda x, y: x**2 - 1e-8 * y**2 + x**3 / 9, 20),  # slow is not degenerate
    ],
)
def test_steps_are_told_from_off_a_regular_rest(value, limit, start):
    seen = off(value, start)
    assert (seen.margins or {})["alternating"] == pytest.approx(limit, rel=1e-3)


@pytest.mark.long
@pytest.mark.parametrize("start", [(1.3, 0.7), (-0.4, -1.9)])
def test_a_line_of_rest_is_not_degenerate(start):
    """(x₀x₁ − 1)² − y² has the curvature 2 (x₀² + x₁²) ≥ 4 across its line, and 0 along it, wherever it is met."""
    seen = read(zero_sum(lambda x, y: (x[0] * x[1] - 1) ** 2 - y**2), start, (1.0,), game=Written, quick=True)
    margins = seen.margins or {}
    assert 0 < margins["simultaneous"] <= 2 / 4 / 0.1 * (1 + 1e-3)


@pytest.mark.parametrize("size", [3e-4, 1e-3])
def test_beside_a_degenerate_rest_it_is_no_other(size):
    """Within a thousandth the point counts as at rest, and its curvature is still that of the distance."""
    seen = read(zero_sum(lambda x, y: x**4 - y**4), (size,), (size,), rate=0.05, quick=True)
    assert seen.evidence.stationary
    assert seen.margins is None
