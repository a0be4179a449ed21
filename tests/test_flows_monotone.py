"""Increasing functions of the logit: their slopes, the divergences they flow down, and the losses they make."""

import math

import pytest
import torch
from torch.func import grad

from nashpath.core.math.f_divergences import F_DIVERGENCES
from nashpath.core.math.monotone import MONOTONES, MonotoneFunction, UserMonotone
from nashpath.games.objectives import MonoFlowObjective, NonSaturating, PlugIn

LOGITS = torch.linspace(-8, 8, 161, dtype=torch.float64)

CLOSED = {
    "reverse_kl": lambda r: -r.log(),
    "forward_kl": lambda r: r * r.log(),
    "chi2": lambda r: (r - 1) ** 2,
    "hellinger": lambda r: (r.sqrt() - 1) ** 2,
    "js": lambda r: r * r.log() - (r + 1) * ((1 + r) / 2).log(),
}
"""The generators f(r) as the paper's notebooks print them."""


@pytest.mark.parametrize("name", MONOTONES)
def test_slope_is_positive_and_is_the_derivative(name):
    h = MonotoneFunction(name).double()
    assert (h.slope(LOGITS) > 0).all()
    torch.testing.assert_close(h.slope(LOGITS), grad(lambda d: h(d).sum())(LOGITS))


@pytest.mark.parametrize("name", MONOTONES)
def test_slope_is_positive_at_single_precision(name):
    assert (MonotoneFunction(name).slope(torch.linspace(-20, 20, 401)) > 0).all()


@pytest.mark.parametrize("name", F_DIVERGENCES)
def test_flow_of_a_divergence_has_slope_r_squared_f_second(name):
    r = torch.linspace(0.05, 8, 100, dtype=torch.float64)
    second = grad(lambda x: grad(lambda y: CLOSED[name](y).sum())(x).sum())(r)
    torch.testing.assert_close(MonotoneFunction(name).double().slope(r.log()), r**2 * second)
    torch.testing.assert_close(F_DIVERGENCES[name](r.log()), CLOSED[name](r))


@pytest.mark.parametrize(
    ("name", "slope"),
    [("logit", 1.0), ("non_saturating", 0.5), ("arcsinh", 1.0), ("vanilla", 0.5), ("exponential", 1.5)],
)
def test_slope_where_data_and_model_agree(name, slope):
    assert MonotoneFunction(name).slope(torch.zeros(())) == pytest.approx(slope)


def test_shifted_vanilla_tends_to_logit():
    gaps = [
        (MonotoneFunction("shifted_vanilla", shift=c).double().slope(LOGITS) - 1).abs().max()
        for c in (0.0, 5.0, 10.0, 40.0)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 1e-12


def test_own_function_is_accepted_or_its_failure_named():
    cube = UserMonotone(lambda d: d + d**3)
    torch.testing.assert_close(cube.slope(LOGITS), 1 + 3 * LOGITS**2)
    with pytest.raises(ValueError, match=r"its slope at d = -1 is -?0\. .*h'\(d\) > 0"):
        UserMonotone(lambda d: d + d**2 / 2, reach=1.0)

    def backwards(d):
        return -d

    with pytest.raises(ValueError, match="backwards is not increasing: its slope at d = -10 is -1"):
        UserMonotone(backwards)
    with pytest.raises(ValueError, match="elementwise"):
        UserMonotone(lambda d: d.sum())


@pytest.mark.parametrize("name", [name for name in F_DIVERGENCES if name != "reverse_kl"])
def test_plug_in_divergences_are_no_monoflows(name):
    with pytest.raises(ValueError, match="not increasing"):
        UserMonotone(lambda d: -F_DIVERGENCES[name](d), reach=4.0)


def test_plug_ins_that_work_are_monoflows():
    for cost, name in (("reverse_kl", "logit"), ("exponential", "exponential")):
        slope = grad(PlugIn(cost).generator)(LOGITS) * len(LOGITS)
        torch.testing.assert_close(slope, -MonotoneFunction(name).double().slope(LOGITS))


@pytest.mark.parametrize("name", MONOTONES)
def test_objective_pays_minus_h(name):
    objective = MonoFlowObjective(name).double()
    slope = grad(objective.generator)(LOGITS) * len(LOGITS)
    torch.testing.assert_close(slope, -MonotoneFunction(name).double().slope(LOGITS))
    real, fake = LOGITS, LOGITS.flip(0)
    torch.testing.assert_close(objective.discriminator(real, fake), NonSaturating().discriminator(real, fake))


def test_shift_and_power_reach_the_objective():
    at = torch.tensor([0.5])
    assert MonoFlowObjective("shifted_vanilla", shift=2.0).generator(at) == pytest.approx(
        -math.log1p(math.exp(2.5)), rel=1e-6
    )
    assert MonoFlowObjective("exponential", power=2.0).generator(at) == pytest.approx(-math.exp(1.0), rel=1e-6)
