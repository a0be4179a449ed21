"""The law of extremes: costs and their gradients are finite at logits of ±1e4, where the formula itself is."""

import itertools
from typing import Literal, get_args, get_origin

import pytest
import torch
from torch import nn

from nashpath.core import Key
from nashpath.games import OBJECTIVES, PENALTIES
from nashpath.run.settings.schema import arguments

FAR = 1e4


def variants(method) -> list[dict[str, str]]:
    """Every combination of a method's choices."""
    choices = {k: get_args(kind) for k, (kind, _) in arguments(method).items() if get_origin(kind) is Literal}
    return [dict(zip(choices, values)) for values in itertools.product(*choices.values())]


CASES = [(name, options) for name in OBJECTIVES for options in variants(OBJECTIVES[name])]


@pytest.mark.parametrize(("name", "options"), CASES, ids=["-".join((n, *o.values())) for n, o in CASES])
def test_objectives_and_their_gradients_are_finite_unless_marked(name, options):
    objective = OBJECTIVES[name](**options)
    found = []
    for real, fake in itertools.product([[FAR, FAR], [-FAR, -FAR], [FAR, -FAR]], repeat=2):
        for cost in (objective.discriminator, lambda d, g: objective.generator(g, d)):
            logits = [torch.tensor(values)[:, None].requires_grad_() for values in (real, fake)]
            value = cost(*logits)
            slopes = torch.autograd.grad(value, logits, allow_unused=True)
            found += [value, *(slope for slope in slopes if slope is not None)]
    assert all(torch.isfinite(v).all() for v in found) == (not objective.unbounded)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_and_their_gradients_are_finite(name):
    penalty, critic = PENALTIES[name](), nn.Linear(2, 1)
    nn.init.constant_(critic.weight, FAR)
    real, fake = torch.tensor([[1.0, 0.0], [0.0, -1.0]]), torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    assert critic(torch.cat([real, fake])).abs().min() > FAR / 2
    value = penalty(critic, real, fake, penalty.draw(Key(0), (2,), (2,)))
    (slope,) = torch.autograd.grad(value + 0 * critic.weight.sum(), [critic.weight])
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()
