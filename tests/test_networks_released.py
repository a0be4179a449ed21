"""Weight normalisation and the networks that were released with it, against PyTorch's own and by their formulas."""

import copy

import pytest
import torch
from torch import nn

import nashpath as nash
from nashpath.core import Key, point_of, seeded
from nashpath.core.noise import bound, draw_noise
from nashpath.networks import DISCRIMINATORS, GENERATORS, WeightNorm, initialise, weight_norm
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.settings.build import FIRST_LOOK, build_game, initialise_networks
from nashpath.run.settings.members import plan

LAYERS = {
    "linear": (lambda: nn.Linear(5, 3), (7, 5), 0),
    "conv": (lambda: nn.Conv2d(2, 3, 3, 2, 1), (4, 2, 8, 8), 0),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 5, 2, 2, 1), (4, 2, 4, 4), 1),
    "without a bias": (lambda: nn.Linear(5, 3, bias=False), (7, 5), 0),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_weight_norm_is_pytorchs(kind):
    """Values and gradients in direction, scale and bias, for any scale."""
    make, shape, axis = LAYERS[kind]
    with seeded(0):
        layer, x = make(), torch.randn(shape)
        other = nn.utils.parametrizations.weight_norm(copy.deepcopy(layer), dim=axis)
        own = WeightNorm(layer)
        factors = torch.rand(3) + 0.5
    assert torch.allclose(own(x), copy.deepcopy(layer)(x), atol=1e-5)
    with torch.no_grad():
        own.g.mul_(factors)
        scale = other.parametrizations.weight.original0
        scale.mul_(factors.reshape(scale.shape))
    assert torch.allclose(own(x), other(x), atol=1e-5)
    own(x).square().sum().backward()
    other(x).square().sum().backward()
    assert torch.allclose(own.g.grad, other.parametrizations.weight.original0.grad.flatten(), rtol=1e-3, atol=1e-4)
    assert torch.allclose(own.layer.weight.grad, other.parametrizations.weight.original1.grad, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", LAYERS)
def test_outputs_start_with_mean_0_and_deviation_1(kind):
    """Layer after layer, over the samples that were shown; a layer without a bias keeps its mean."""
    make, shape, _ = LAYERS[kind]
    with seeded(1):
        own, x = WeightNorm(make()), 3 + 2 * torch.randn(64, *shape[1:])
    own.deviation = 0.5
    initialise(own, x)
    found = own(x)
    axes = [0, *range(2, found.dim())]
    centred = found - found.mean(axes, keepdim=True)
    assert torch.allclose(centred.square().mean(axes).sqrt(), torch.full((3,), 0.5), rtol=1e-3)
    if own.layer.bias is not None:
        assert torch.allclose(found.mean(axes), torch.zeros(3), atol=1e-4)


def test_initialisation_goes_through_the_network_in_one_pass():
    with seeded(2):
        network = weight_norm(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
        x = torch.randn(256, 4) * 5 + 1
    initialise(network, x)
    for depth in (1, 3):
        found = network[:depth](x)
        assert torch.allclose(found.mean(0), torch.zeros(found.shape[1]), atol=1e-4)
        assert torch.allclose(found.std(0, correction=0), torch.ones(found.shape[1]), rtol=1e-3)
    plain = nn.Linear(4, 2)
    before = copy.deepcopy(plain.state_dict())
    initialise(plain, x)
    assert all(torch.equal(before[k], v) for k, v in plain.state_dict().items())


def test_a_layer_that_occurs_twice_gets_one_wrapper_and_others_are_refused():
    shared = nn.Linear(3, 3)
    network = weight_norm(nn.Sequential(shared, nn.ReLU(), shared))
    assert network[0] is network[2]
    assert isinstance(weight_norm(nn.Linear(2, 2)), WeightNorm)
    with pytest.raises(ValueError, match="no linear or convolutional layer"):
        weight_norm(nn.ReLU())
    with pytest.raises(ValueError, match=r"cannot reach the weights of nn\.MultiheadAttention"):
        weight_norm(nn.Sequential(nn.Linear(2, 2), nn.MultiheadAttention(2, 1)))
    with pytest.raises(ValueError, match="at least two axes"):
        WeightNorm(nn.LayerNorm(3))


def widths(network, kinds):
    return [part.weight.shape for part in network.modules() if isinstance(part, kinds)]


def test_the_network_for_mnist_has_the_released_layers():
    network = DISCRIMINATORS["salimans_mlp"]((1, 28, 28), outputs=10)
    assert [tuple(shape) for shape in widths(network, nn.Linear)] == [
        (1000, 784), (500, 1000), (250, 500), (250, 250), (250, 250), (10, 250),
    ]  # fmt: skip
    deviations = [float(part.deviation) for part in network.modules() if isinstance(part, nash.networks.GaussianNoise)]
    assert deviations == pytest.approx([0.3, 0.5, 0.5, 0.5, 0.5, 0.5])
    learned = [isinstance(part.g, nn.Parameter) for part in network.modules() if isinstance(part, WeightNorm)]
    assert learned == [False] * 5 + [True]
    maker = GENERATORS["salimans_mlp"](100, (1, 28, 28))
    assert [tuple(shape) for shape in widths(maker, nn.Linear)] == [(500, 100), (500, 500), (784, 500)]
    assert maker(torch.randn(3, 100)).shape == (3, 1, 28, 28)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("side", [8, 16, 32])
def test_the_network_of_nine_layers_has_the_released_ones(side):
    network = DISCRIMINATORS["salimans_conv"]((3, side, side), outputs=10)
    shapes = [tuple(shape) for shape in widths(network, nn.Conv2d)]
    wide, kernels = [96, 96, 96, *[192] * 6], [3] * 7 + [1, 1]
    assert shapes == [(w, i, k, k) for w, i, k in zip(wide, [3, *wide], kernels)]
    rates = [float(part.rate) for part in network.modules() if isinstance(part, nash.networks.Dropout)]
    assert rates == pytest.approx([0.2, 0.5, 0.5])
    assert network(torch.randn(2, 3, side, side)).shape == (2, 10)
    assert network.features(torch.randn(2, 3, side, side)).shape == (2, 192)
    maker = GENERATORS["salimans_conv"](100, (3, side, side))
    assert maker(torch.randn(2, 100)).shape == (2, 3, side, side)
    if side == 32:
        assert [tuple(shape) for shape in widths(maker, nn.ConvTranspose2d)] == [
            (512, 256, 5, 5), (256, 128, 5, 5), (128, 3, 5, 5),
        ]  # fmt: skip


def test_a_game_of_settings_begins_normalised_and_one_of_yours_as_you_made_it():
    """With noise on, as in training, and by the game's own draws."""
    raw = {"generator": "salimans_mlp", "discriminator": {"kind": "salimans_mlp", "width": 40}, "data": "digits"}
    (member,) = plan({**raw, "device": "cpu"}, {})
    game = build_game(member.settings, 0)
    key = Key(0, "initialisation")
    x = game.data.draw(key.stream("real"), FIRST_LOOK)["real"]
    with bound(game, draw_noise(game, Key(0, "initialisation").stream("discriminator noise"), (FIRST_LOOK,))):
        found = game.discriminator(x)
    assert found.mean().item() == pytest.approx(0, abs=1e-3)
    assert found.std(correction=0).item() == pytest.approx(1, rel=1e-2)
    again = build_game(member.settings, 0)
    assert all(torch.equal(a, b) for a, b in zip(game.state_dict().values(), again.state_dict().values()))
    own = nash.GAN(game.generator, game.discriminator, data=game.data, latent=16)
    before = {k: v.clone() for k, v in own.state_dict().items()}
    assert all(torch.equal(before[k], v) for k, v in own.state_dict().items())
    initialise_networks(own, Key(3, "other"))
    assert not all(torch.equal(before[k], v) for k, v in own.state_dict().items())


def test_members_with_weight_norm_are_stacked_as_alone():
    def trial(seed):
        with seeded(seed):
            parts = {"norm": "weight", "width": 8}
            networks = nash.MLPGenerator(2, (2,), **parts), nash.MLPDiscriminator((2,), **parts)
        game = nash.GAN(*networks, penalty=nash.R1(), data=nash.Ring(), latent=2, batch_size=8)
        return Trial(game, nash.Alternating(nash.Adam(), nash.Adam()))

    together, alone = Program([trial(0), trial(1)], [0, 1], "stacked"), Program([trial(1)], [1])
    together.run(4)
    alone.run(4)
    a, b = (program.train_state(k).point.players for program, k in ((together, 1), (alone, 0)))
    for who in a:
        for name in a[who]:
            assert torch.allclose(a[who][name], b[who][name], atol=1e-5)
    assert point_of(trial(0).game).players["discriminator"]["head.g"].shape == (1,)
