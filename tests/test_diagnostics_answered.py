"""The generator's cost along the discriminator's answers, against answers that are found by minimising."""

import pytest
import torch
from torch.func import grad, hessian

from nashpath.core import FunctionalGame, point_of
from nashpath.diagnostics import Linearised, certify
from nashpath.diagnostics.answered import answered_cost
from test_diagnostics_bounds import seen_at
from test_diagnostics_kinks import Written


def costs(beside, bent):
    """J_D has its minimum at y = 0 for x = 0; ``bent`` makes y* curved, ``beside`` slopes J_G in y."""
    return (
        lambda x, y: -(x**2) / 2 + 2 * x * y - y**2 + beside * (y + y**2 / 3) + 0.1 * x**3,
        lambda x, y: y**2 / 2 - 2 * x * y + bent * (x**2 * y + y**3 / 6 + y**4),
    )


@pytest.mark.long
@pytest.mark.parametrize("bent", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("beside", [0.0, 1.0, -2.0])
def test_derivatives_along_the_answers_are_those_of_the_composed_cost(beside, bent):
    """The truth: 60 Newton steps to y*(x) inside the function of x, differentiated."""
    both = costs(beside, bent)
    near = Linearised(FunctionalGame(game := Written(both, 0.0, 0.0).double()), point_of(game), {})

    def phi(x):
        y = torch.zeros_like(x)
        for _ in range(60):
            slope = grad(lambda v: both[1](x, v))
            y = y - slope(y) / grad(slope)(y)
        return both[0](x, y)

    slope, bend = answered_cost(near)
    zero = torch.zeros((), dtype=torch.float64)
    assert float(slope[0]) == pytest.approx(float(grad(phi)(zero)), abs=1e-9)
    assert float(bend[0, 0]) == pytest.approx(float(hessian(phi)(zero)), abs=1e-8)


@pytest.mark.parametrize(
    ("generator", "kind"),
    [
        (lambda x, y: -(x**3) + 0 * y, "no equilibrium"),  # the answer changes nothing
        (lambda x, y: -(x**4) + 0 * y, "no equilibrium"),
        (lambda x, y: -(x**4) + y**2 / 2, "no equilibrium"),  # −x⁴/2
        (lambda x, y: -(x**4) + 2 * y**2, "undecided"),  # x⁴: it gains alone, and loses once answered
    ],
)
def test_a_gain_of_higher_order_along_the_answers_is_met(generator, kind):
    """J_D = (y − x²)², so y* = x²: no second derivative tells whether the generator gains."""
    assert certify(seen_at((generator, lambda x, y: (y - x**2) ** 2), [0.0], [0.0])) == kind
