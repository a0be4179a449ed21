"""Tensors that lie in the same memory are found, whatever views they are, and no game is played with them."""

import numpy as np
import pytest
import torch
from torch import nn

import nashpath as nash
from nashpath.core.memory import shared
from nashpath.games.toys import Bilinear

VIEWS = {
    "all": lambda x: x,
    "turned": lambda x: x.t(),
    "left": lambda x: x[:, :3],
    "right": lambda x: x[:, 3:],
    "middle": lambda x: x[:, 2:5],
    "even": lambda x: x.reshape(-1)[::2],
    "odd": lambda x: x.reshape(-1)[1::2],
    "row": lambda x: x[2],
    "corner": lambda x: x[3, 5],
    "whole numbers": lambda x: x.view(torch.int32)[:2],
    "nothing": lambda x: x[:0],
}


@pytest.mark.parametrize("one", VIEWS)
@pytest.mark.parametrize("other", VIEWS)
def test_what_shares_memory_is_what_numpy_says(one, other):
    memory = torch.zeros(4, 6)
    a, b = VIEWS[one](memory), VIEWS[other](memory)
    expected = ("a", "b") if np.shares_memory(a.numpy(), b.numpy()) else None
    assert shared([("a", a), ("b", b)]) == expected
    assert shared([("a", a), ("c", torch.zeros(3)), ("b", b.clone())]) is None


def test_what_has_no_memory_shares_none():
    empty = [("a", torch.zeros(3, device="meta")), ("b", torch.zeros(3, device="meta"))]
    assert shared([*empty, ("c", nn.LazyLinear(2).weight), ("d", torch.eye(2).to_sparse())]) is None


def test_elements_that_are_one_are_found():
    assert shared([("a", torch.zeros(1).expand(5))]) == ("a", "a")
    assert shared([("a", torch.zeros(1).expand(1, 1))]) is None


def networks():
    torch.manual_seed(0)
    generator = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    return generator, nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))


def across(generator, discriminator):
    discriminator[0].weight = nn.Parameter(generator[2].weight.data.t())


def inside(generator, discriminator):
    generator[0].weight = nn.Parameter(generator[2].weight.data.t())


def kept(generator, discriminator):
    discriminator.register_buffer("before", discriminator[0].weight.detach())


def spread_out(generator, discriminator):
    generator.register_buffer("scale", torch.ones(1).expand(4))


@pytest.mark.parametrize("tie", [across, inside, kept, spread_out])
def test_networks_that_share_memory_are_refused_before_they_train(tie):
    generator, discriminator = networks()
    tie(generator, discriminator)
    with pytest.raises(ValueError, match=r"one in memory.*\.clone\(\)"):
        nash.GAN(generator, discriminator, data=nash.as_source(torch.randn(64, 2)), latent=2)


def test_views_of_one_parameter_that_have_nothing_in_common_are_trained():
    generator, discriminator = networks()
    flat = torch.cat([p.detach().reshape(-1) for p in generator.parameters()])
    begin = 0
    for layer in (generator[0], generator[2]):
        for name in ("weight", "bias"):
            own = getattr(layer, name)
            setattr(layer, name, nn.Parameter(flat[begin : begin + own.numel()].view_as(own)))
            begin += own.numel()
    game = nash.GAN(generator, discriminator, data=nash.as_source(torch.randn(64, 2)), latent=2)
    solver = nash.Simultaneous(discriminator=nash.SGD(0.1), generator=nash.SGD(0.1))
    trained = nash.train(game, solver, steps=2)
    torch.testing.assert_close(torch.cat([p.detach().reshape(-1) for p in trained.generator.parameters()]), flat)


def test_members_whose_parameters_are_views_of_each_other_are_refused():
    one, other = Bilinear(), Bilinear()
    player = other.players[0]
    name, value = next(one.get_submodule(player).named_parameters())
    setattr(other.get_submodule(player), name, nn.Parameter(value.data.view_as(value)))
    solver = nash.Simultaneous(discriminator=nash.SGD(0.1), generator=nash.SGD(0.1))
    with pytest.raises(ValueError, match=r"games\[1\] shares .* with games\[0\]"):
        nash.train_many([one, other], [solver, solver], 1, [0, 1])
