"""Generators that draw a flow, and adversarial generators, move alike."""

import pytest
import torch
from torch.func import functional_call, grad

from nashpath.core import generator, seeded
from nashpath.core.math.monotone import MONOTONES, MonotoneFunction
from nashpath.flows import drawing_loss
from nashpath.flows.base import with_gradient
from nashpath.games.objectives import MonoFlowObjective
from nashpath.networks import MLPDiscriminator, MLPGenerator


@pytest.mark.parametrize("step_size", [1e-2, 3.0])
@pytest.mark.parametrize("name", MONOTONES)
def test_drawing_gradient_is_the_adversarial_gradient(name, step_size):
    with seeded(1):
        model = MLPGenerator(3, (2,), width=8, activation="tanh").double()
        critic = MLPDiscriminator((2,), width=8, activation="tanh").double()
    z = torch.randn(32, 3, generator=generator(0), dtype=torch.float64)
    params = dict(model.named_parameters())
    objective, h = MonoFlowObjective(name).double(), MonotoneFunction(name).double()

    def adversarial(params):
        return objective.generator(critic(functional_call(model, params, z)))

    def drawn(params):
        x = functional_call(model, params, z)
        d, slope = with_gradient(critic, x.detach())
        return drawing_loss(x, h.slope(d)[:, None] * slope, step_size)

    expected, found = grad(adversarial)(params), grad(drawn)(params)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)
    assert all(v.abs().max() > 0 for v in expected.values())
