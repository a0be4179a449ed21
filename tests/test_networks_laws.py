"""Laws over the tables of networks: each row, each normalisation, as the training program uses them."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, stack_module_state, vmap

from nashpath.core import Key
from nashpath.core.game import Batch, FunctionalGame, Game, point_of
from nashpath.core.hyperparameters import Stateful
from nashpath.core.rng import generator, seeded
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import tree_map
from nashpath.networks import (
    DISCRIMINATORS,
    GENERATORS,
    Dropout,
    GaussianNoise,
    ResNetDiscriminator,
    ResNetGenerator,
    mixes_batch,
)
from nashpath.networks.base import Norm

NORMS = get_args(Norm)
SEES_ONE_SAMPLE = [norm for norm in NORMS if norm != "batch"]
LATENT, SHAPE, COUNT = 3, (2, 8, 8), 4
PLAIN = ["mlp", "dcgan", "resnet"]
"""The rows that come as a pair and take any normalisation; the others are tested with their technique."""
SMALL = {"width": 16}
TORCH_USES_JIT = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")


class Pair(Game):
    """Non-saturating costs and, with ``weight``, a gradient penalty on the real samples."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, weight: float = 0.0):
        super().__init__()
        self.generator, self.discriminator, self.weight = generator, discriminator, weight

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        real = key.uniform(*lead, COUNT, *SHAPE) * 2 - 1
        return {"real": real, "z": key.normal(*lead, COUNT, LATENT)}

    def forward(self, player: str, batch: Batch) -> Tensor:
        logit = self.discriminator(self.generator(batch["z"]))
        if player == "generator":
            return nn.functional.softplus(-logit).mean()
        cost = nn.functional.softplus(logit).mean() + nn.functional.softplus(-self.discriminator(batch["real"])).mean()
        if self.weight:
            slope = grad(lambda x: self.discriminator(x).sum())(batch["real"])
            cost = cost + self.weight * slope.square().sum((1, 2, 3)).mean()
        return cost


def pair(kind: str, norm: str, seed: int, weight: float = 0.0) -> Pair:
    with seeded(seed):
        one = GENERATORS[kind](LATENT, SHAPE, norm=norm, **SMALL)
        return Pair(one, DISCRIMINATORS[kind](SHAPE, norm=norm, **SMALL), weight).double()


def doubled(batch: Batch) -> Batch:
    return {name: part.double() for name, part in batch.items()}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 16, 32, 64])
@pytest.mark.parametrize("kind", PLAIN)
def test_images_of_every_size_and_number_of_channels(kind, size, channels):
    shape = (channels, size, size)
    images = GENERATORS[kind](5, shape, width=2)(torch.randn(2, 5, generator=generator(0)))
    assert images.shape == (2, *shape)
    assert images.abs().max() <= 1
    logits = DISCRIMINATORS[kind](shape, width=2, outputs=3)(images)
    assert logits.shape == (2, 3)
    assert logits.isfinite().all()


def test_vectors_are_not_squashed():
    net = GENERATORS["mlp"](5, (2,))
    nn.init.constant_(net.head.bias, 7.0)
    assert net(torch.randn(9, 5, generator=generator(0))).min() > 2
    assert DISCRIMINATORS["mlp"]((2,))(torch.zeros(9, 2)).shape == (9, 1)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", PLAIN)
def test_last_hidden_activation_is_called_features(kind, norm):
    net = DISCRIMINATORS[kind](SHAPE, norm=norm, **SMALL).eval()
    x = torch.randn(COUNT, *SHAPE, generator=generator(0))
    features = net.get_submodule("features")(x)
    assert features.dim() == 2
    torch.testing.assert_close(net.get_submodule("head")(features), net(x))


@pytest.mark.parametrize("shape", [(3, 24, 24), (3, 8, 15), (3, 512, 512), (2,)])
@pytest.mark.parametrize("kind", ["dcgan", "resnet"])
def test_other_image_sizes_are_refused_by_name(kind, shape):
    sides = {"dcgan": (8, 16, 28, 32, 48, 64, 96, 128), "resnet": (8, 16, 32, 48, 64, 96, 128, 256)}[kind]
    match = rf"{kind}.*\({', '.join(map(str, shape))},?\).*{', '.join(f'{side}x{side}' for side in sides)}"
    with pytest.raises(ValueError, match=match):
        GENERATORS[kind](4, shape)
    with pytest.raises(ValueError, match=match):
        DISCRIMINATORS[kind](shape)


@pytest.mark.parametrize("kind", PLAIN)
def test_sizes_below_one_and_unknown_names_are_refused(kind):
    with pytest.raises(ValueError, match=r"width is 0; it must be at least 1"):
        GENERATORS[kind](4, SHAPE, width=0)
    with pytest.raises(ValueError, match=r"latent must be .* got 0"):
        GENERATORS[kind](0, SHAPE)
    with pytest.raises(ValueError, match=r"outputs is 0; it must be at least 1"):
        DISCRIMINATORS[kind](SHAPE, outputs=0)
    with pytest.raises(ValueError, match=r"norm is .*Did you mean 'spectral'"):
        DISCRIMINATORS[kind](SHAPE, norm="spektral")
    with pytest.raises(ValueError, match=r"activation is .*Did you mean 'relu'"):
        GENERATORS[kind](4, SHAPE, activation="rellu")


def test_every_row_names_its_source():
    for table in (GENERATORS, DISCRIMINATORS):
        assert all(table.summary(name).endswith(".") and "arXiv" in table.reference(name) for name in table)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", PLAIN)
def test_stacked_equals_solo(kind, norm):
    games = [pair(kind, norm, seed) for seed in range(3)]
    batches = [doubled(game.draw(Key(9 + k))) for k, game in enumerate(games)]
    points = [point_of(game) for game in games]
    stack = tree_map(lambda *parts: torch.stack(parts), *zip(points, batches))
    for player in games[0].players:
        problem = FunctionalGame(games[0])
        together = vmap(lambda point, batch: problem.gradient(player, point, batch))(*stack)  # noqa: B023
        for k, (game, batch) in enumerate(zip(games, batches)):
            alone = FunctionalGame(game).gradient(player, points[k], batch)
            mine = tree_map(lambda part: part[k], together)  # noqa: B023
            torch.testing.assert_close(mine, alone, rtol=1e-6, atol=1e-10)


@pytest.mark.parametrize("norm", SEES_ONE_SAMPLE)
@pytest.mark.parametrize("kind", PLAIN)
def test_penalised_gradient_equals_double_backward(kind, norm):
    game = pair(kind, norm, 0, weight=3.0)
    batch = doubled(game.draw(Key(1)))
    problem, point = FunctionalGame(game), point_of(game)
    priced = problem.gradient("discriminator", point, batch)

    for module in game.discriminator.modules():
        if isinstance(module, Stateful):
            module.advance()
    real = batch["real"].clone().requires_grad_()
    logits = game.discriminator(real)
    (slope,) = torch.autograd.grad(logits.sum(), real, create_graph=True)
    fake = game.discriminator(game.generator(batch["z"]).detach())
    cost = nn.functional.softplus(fake).mean() + nn.functional.softplus(-logits).mean()
    (cost + 3.0 * slope.square().sum((1, 2, 3)).mean()).backward()
    by_hand = {name: parameter.grad for name, parameter in game.discriminator.named_parameters()}
    torch.testing.assert_close(priced.gradient, by_hand)


@pytest.mark.long(first=True)
@TORCH_USES_JIT
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", PLAIN)
def test_forward_mode_agrees_with_reverse_mode_at_second_order(kind, norm):
    game = pair(kind, norm, 0)
    batch, point, problem = doubled(game.draw(Key(1))), point_of(game), FunctionalGame(game)
    for player in game.players:
        params = point.players[player]
        way = {name: torch.randn(v.shape, generator=generator(2), dtype=v.dtype) for name, v in params.items()}

        def slope(at, player=player):
            return grad(
                lambda own: problem.loss(player, point._replace(players={**point.players, player: own}), batch)[0]
            )(at)

        forward = jvp(slope, (params,), (way,))[1]
        reverse = grad(lambda at: sum((v * way[k]).sum() for k, v in slope(at).items()))(params)  # noqa: B023
        torch.testing.assert_close(forward, reverse)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", PLAIN)
def test_memory_format_changes_nothing(kind, norm):
    game = pair(kind, norm, 0)
    z = torch.randn(COUNT, LATENT, generator=generator(0), dtype=torch.float64)
    images = game.generator(z)
    logits = game.discriminator(images)
    assert logits.dtype == torch.float64
    game = pair(kind, norm, 0).to(memory_format=torch.channels_last)
    torch.testing.assert_close(game.generator(z), images)
    torch.testing.assert_close(game.discriminator(images.to(memory_format=torch.channels_last)), logits)


@pytest.mark.parametrize("kind", PLAIN)
def test_in_eval_mode_a_sample_stands_alone(kind):
    game = pair(kind, "batch", 0)
    z = torch.randn(COUNT, LATENT, generator=generator(0), dtype=torch.float64)
    game.discriminator(game.generator(z))
    game.eval()
    before = {name: v.clone() for name, v in game.named_buffers()}
    logits = game.discriminator(game.generator(z))
    torch.testing.assert_close(game.discriminator(game.generator(z[:1])), logits[:1])
    torch.testing.assert_close(dict(game.named_buffers()), before, rtol=0, atol=0)


def test_only_batch_normalisation_mixes_the_batch():
    for kind in PLAIN:
        assert {norm for norm in NORMS if mixes_batch(DISCRIMINATORS[kind](SHAPE, norm=norm, **SMALL))} == {"batch"}
    assert mixes_batch(nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.BatchNorm1d(2))))
    assert not mixes_batch(nn.Sequential(nn.Conv2d(2, 2, 1), nn.InstanceNorm2d(2, affine=True)))


def test_published_networks_have_their_number_of_parameters():
    conv3, conv1 = (lambda a, b: 9 * a * b + b), (lambda a, b: a * b + b)
    up = 2 * 2 * 256 + 2 * conv3(256, 256) + conv1(256, 256)
    count = 129 * 4096 + 3 * up + 2 * 256 + conv3(256, 3)
    assert sum(p.numel() for p in ResNetGenerator(128, (3, 32, 32), width=256).parameters()) == count == 4_276_739
    first = conv3(3, 128) + conv3(128, 128) + conv1(3, 128)
    count = first + (2 * conv3(128, 128) + conv1(128, 128)) + 2 * 2 * conv3(128, 128) + 129
    assert sum(p.numel() for p in ResNetDiscriminator((3, 32, 32), width=128).parameters()) == count == 1_053_825


def test_dcgan_of_the_paper_has_its_channels():
    net = GENERATORS["dcgan"](100, (3, 64, 64), width=128)
    assert net.project.out_features == 1024 * 4 * 4
    assert [m.out_channels for m in net.modules() if isinstance(m, nn.ConvTranspose2d)] == [512, 256, 128, 3]


@pytest.mark.parametrize("kind", PLAIN)
def test_normal_initialisation_draws_from_the_seeded_generator(kind):
    with seeded(3):
        one = GENERATORS[kind](64, (3, 16, 16), width=32, init="normal")
    with seeded(3):
        two = GENERATORS[kind](64, (3, 16, 16), width=32, init="normal")
    torch.testing.assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)
    weights = torch.cat([p.flatten() for p in one.parameters() if p.dim() > 1])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert one.head.bias.abs().max() == 0


@pytest.mark.long
@TORCH_USES_JIT
def test_compiled_equals_eager():
    """The convolutional pair with batch norm and spectral norm under a penalty, stacked, as the compiler traces it.

    Up to the code for the processor, which takes a minute; test_solvers_contract.py has a step that is compiled whole.
    """
    games = [Pair(pair("dcgan", "batch", k).generator, pair("dcgan", "spectral", k).discriminator, 3.0) for k in (0, 1)]
    games = [game.float() for game in games]
    points, problem = [point_of(game) for game in games], FunctionalGame(games[0])
    batches = [game.draw(Key(k)) for k, game in enumerate(games)]
    point, batch = tree_map(lambda *parts: torch.stack(parts), *zip(points, batches))

    def field(point, batch):
        first = problem.gradient("discriminator", point, batch)
        second = problem.gradient("generator", point._replace(state={**point.state, **first.state}), batch)
        return first, second

    eager = vmap(field)(point, batch)
    compiled = as_one_graph(vmap(field), "traced")(point, batch)
    torch.testing.assert_close(compiled, eager, rtol=1e-4, atol=1e-6)
    # The head's vector has one entry, 1 or -1, which no iteration changes.
    changed = {k for k, v in eager[0].state.items() if not torch.equal(v, point.state[k])}
    assert changed == {f"discriminator.features.conv{k}.u" for k in (1, 2)}
    statistics = {k for k in point.state if "running" in k}
    assert statistics == {k for k, v in eager[1].state.items() if not torch.equal(v, point.state[k])}


def test_stack_module_state_of_torch_takes_the_networks():
    nets = [DISCRIMINATORS["resnet"](SHAPE, **SMALL) for _ in range(2)]
    params, buffers = stack_module_state(nets)
    x = torch.randn(COUNT, *SHAPE, generator=generator(0))
    out = vmap(lambda p, b: functional_call(nets[0], (p, b), (x,)))(params, buffers)
    torch.testing.assert_close(out, torch.stack([net(x) for net in nets]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(2, 8, 12), (3, 32, 48), (1, 24, 16), (4, 64, 96)])
@pytest.mark.parametrize("kind", ["dcgan", "resnet", "r3gan"])
def test_images_may_be_longer_on_one_side(kind, shape):
    """A square network is the same as ever (`test_networks_*`); a longer one has a longer grid, and sees all of it."""
    with seeded(0):
        maker, judge = GENERATORS[kind](LATENT, shape, width=8), DISCRIMINATORS[kind](shape, width=8)
    z = torch.randn(2, LATENT, generator=generator(0))
    made = maker(z)
    assert made.shape == (2, *shape)
    assert torch.isfinite(made).all()
    x = torch.randn(2, *shape, generator=generator(1)).requires_grad_()
    assert judge(x).shape == (2, 1)
    (slope,) = torch.autograd.grad(judge(x).sum(), x)
    assert (slope.abs().sum((0, 1)) > 0).all()


@pytest.mark.parametrize("kind", ["dcgan", "resnet", "r3gan"])
def test_a_side_between_multiples_is_refused_with_what_works(kind):
    for table in (lambda: GENERATORS[kind](LATENT, (3, 32, 45)), lambda: DISCRIMINATORS[kind]((3, 32, 45))):
        with pytest.raises(ValueError, match="and the longer side beside 32 a multiple of 8"):
            table()


PUBLISHED = {
    48: (6, [512, 256, 128, 64], [64, 128, 256, 512, 1024], 4),
    64: (4, [1024, 512, 256, 128, 64], [64, 128, 256, 512, 1024], 5),
    128: (4, [1024, 1024, 512, 256, 128, 64], [64, 128, 256, 512, 1024, 1024], 5),
}
"""Image size to the first grid, the channels of both networks, and how often the discriminator halves it: Miyato et al.
2018, table 5, and kwotsin/mimicry's SNGAN of 48, 64 and 128 pixels."""


@pytest.mark.parametrize("size", PUBLISHED)
def test_residual_networks_are_those_that_were_published(size):
    grid, up, down, halved = PUBLISHED[size]
    with torch.device("meta"):
        maker = ResNetGenerator(128, (3, size, size), width=64)
        judge = ResNetDiscriminator((3, size, size), width=64, norm="none")
    assert maker.project.out_features == up[0] * grid**2
    convolved = {k: m.out_channels for k, m in maker.features.named_modules() if k.endswith("residual.conv2")}
    assert list(convolved.values()) == up[1:]
    convolved = {k: m.out_channels for k, m in judge.features.named_modules() if k.endswith("residual.conv2")}
    assert list(convolved.values()) == down
    assert sum(k.endswith("residual.pool") for k, _ in judge.features.named_modules()) == halved
    assert judge.head.in_features == down[-1]


@pytest.mark.parametrize("size", [8, 16, 32, 48, 64, 96, 128, 256])
def test_residual_networks_of_every_size_make_and_judge(size):
    with seeded(0):
        maker, judge = ResNetGenerator(2, (1, size, size), width=1), ResNetDiscriminator((1, size, size), width=1)
    made = maker(torch.randn(2, 2, generator=generator(0)))
    assert made.shape == (2, 1, size, size)
    assert judge(made).shape == (2, 1)


@pytest.mark.parametrize("shape", [0.3, 8, (8.0,), (0,), "8"])
@pytest.mark.parametrize("kind", [Dropout, GaussianNoise])
def test_a_layer_of_noise_asks_for_the_shape_of_a_sample(kind, shape):
    with pytest.raises(ValueError, match=rf"{kind.__name__} got the shape .*\(64,\) for \[batch, 64\]"):
        kind(shape)
