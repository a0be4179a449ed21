"""Shapes have names: every objective and penalty keeps the signature of its base, checked at run time."""

import inspect

import pytest
import torch
from beartype import beartype
from jaxtyping import TypeCheckError, jaxtyped
from torch import nn

from nashpath.core import Key
from nashpath.games import OBJECTIVES, PENALTIES
from nashpath.games.objectives import Objective
from nashpath.games.penalties import Penalty


def checked(method, base):
    """``method`` under the names of ``base``'s signature; parameters may be called otherwise, never meant otherwise."""
    names = list(inspect.signature(method).parameters)
    promised = inspect.signature(base)
    annotations = dict(zip(names, (p.annotation for p in promised.parameters.values())))
    method.__annotations__ = {k: v for k, v in annotations.items() if v is not inspect.Parameter.empty}
    method.__annotations__["return"] = promised.return_annotation
    return jaxtyped(method, typechecker=beartype)


def copy_of(function):
    """A function of its own, so that no annotation leaks into the package."""
    made = type(function)(function.__code__, function.__globals__, function.__name__, None, function.__closure__)
    made.__defaults__, made.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return made


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_price_any_logits_to_a_scalar(name):
    objective = OBJECTIVES[name]()
    outputs = objective.outputs
    discriminator = checked(copy_of(type(objective).discriminator), Objective.discriminator)
    generate = checked(copy_of(type(objective).generator), Objective.generator)
    for shape in ((6, outputs), (6,)) if outputs == 1 else ((6, outputs),):
        real, fake = torch.randn(shape), torch.randn(shape)
        discriminator(objective, real, fake)
        generate(objective, fake, real)


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("shape", [(2,), (3, 4, 4)])
def test_penalties_price_any_samples_to_a_scalar(name, shape):
    penalty = PENALTIES[name]()
    price = checked(copy_of(type(penalty).forward), Penalty.forward)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(torch.Size(shape).numel(), 1))
    real, fake = torch.randn(5, *shape), torch.randn(5, *shape)
    price(penalty, critic, real, fake, penalty.draw(Key(0), (5,), shape))


def test_a_wrong_shape_is_caught():
    class Vectors(Objective):
        def discriminator(self, real, fake):
            return real - fake

    with pytest.raises(TypeCheckError):
        checked(copy_of(Vectors.discriminator), Objective.discriminator)(Vectors(), torch.ones(3), torch.ones(3))
    price = checked(copy_of(PENALTIES["r1"].forward), Penalty.forward)
    with pytest.raises(TypeCheckError):
        price(PENALTIES["r1"](), lambda x: x.sum(1), torch.ones(3, 2), torch.ones(4, 2), {})
