"""Minibatch discrimination, virtual batch normalisation and noise layers, against formulas written out in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, vmap

from nashpath.core import FunctionalGame, Key, generator, point_of, seeded, tree_map
from nashpath.core.noise import bound, draw_noise, noise_layers
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves
from nashpath.data import Ring
from nashpath.games.gan import GAN
from nashpath.games.objectives import JointBatch
from nashpath.games.penalties import GradientPenalty
from nashpath.networks import MLPGenerator, minibatch_discrimination
from nashpath.networks.dropout import Dropout
from nashpath.networks.minibatch_discrimination import MinibatchDiscrimination, MinibatchMLPDiscriminator
from nashpath.networks.noisy_mlp import GaussianNoise, NoisyMLPDiscriminator
from nashpath.networks.virtual_batch_norm import (
    VirtualBatchGenerator,
    VirtualBatchNorm,
    VirtualDCGANGenerator,
    VirtualMLPGenerator,
)
from nashpath.run import train, train_many
from nashpath.solvers import SGD, Alternating


def discrimination(**settings) -> MinibatchDiscrimination:
    with seeded(0):
        layer = MinibatchDiscrimination(4, kernels=3, dimensions=2, **settings)
        nn.init.normal_(layer.log_weight_scale)
    return layer


def batch(count: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, 4, generator=generator(seed))


def closeness(layer: MinibatchDiscrimination, x: torch.Tensor, to: range, mean: bool) -> np.ndarray:
    """Σ over j ≠ i in ``to`` of exp(−‖M_i − M_j‖₁), one pair after the other."""
    theta, scale = layer.theta.detach().double().numpy(), layer.log_weight_scale.detach().double().numpy()
    maps = np.einsum("na,abc->nbc", x.double().numpy(), theta * np.exp(scale) / np.sqrt((theta**2).sum(0)))
    out = np.zeros((len(x), maps.shape[1]))
    for i in range(len(x)):
        others = [j for j in to if j != i]
        for j in others:
            out[i] += np.exp(-np.abs(maps[i] - maps[j]).sum(1)) / (len(others) if mean else 1)
    return out


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("joint", [False, True])
def test_minibatch_discrimination_pair_by_pair(reduce, joint):
    layer, x = discrimination(reduce=reduce, joint=joint), batch(6)
    parts = [range(3), range(3, 6)] if joint else [range(6)]
    expected = np.concatenate([closeness(layer, x, part, reduce == "mean") for part in parts], axis=1) - 1
    out = layer(x).detach()
    assert out.shape == (6, layer.outputs)
    assert torch.equal(out[:, :4], x)
    np.testing.assert_allclose(out[:, 4:].numpy(), expected, rtol=1e-5, atol=1e-6)


def test_the_written_out_and_the_library_distance_agree(monkeypatch):
    layer, x = discrimination(), batch(6)

    def slopes() -> dict[str, torch.Tensor]:
        cost = lambda params: functional_call(layer, params, (x,)).square().sum()  # noqa: E731
        return grad(cost)(dict(layer.named_parameters()))

    written = slopes()
    monkeypatch.setattr(minibatch_discrimination, "PLAIN_NUMBERS", 0)
    torch.testing.assert_close(slopes(), written)
    several = torch.stack([x, batch(6, 2)])
    torch.testing.assert_close(vmap(layer)(several)[1], layer(several[1]))


def test_a_collapsed_batch_is_as_close_as_can_be_and_order_does_not_matter():
    layer, x, order = discrimination(), batch(5), torch.tensor([3, 0, 4, 1, 2])
    torch.testing.assert_close(layer(x[:1].expand(7, 4))[:, 4:], torch.full((7, 3), 6.0 - 1.0))
    torch.testing.assert_close(layer(x[order]), layer(x)[order])


def test_the_released_start_makes_nearest_neighbours_two_apart_and_closeness_zero():
    layer, x = discrimination(), batch(20)
    layer.calibrate(x)
    distances = layer.distances(x).detach() + 1e6 * torch.eye(20)
    torch.testing.assert_close(distances.amin(2).mean(1), torch.full((3,), 2.0))
    torch.testing.assert_close(layer(x)[:, 4:].mean(0), torch.zeros(3), atol=1e-6, rtol=0)


def test_batches_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="at least two samples in a batch, got 1"):
        discrimination()(batch(1))
    with pytest.raises(ValueError, match="as many real as generated samples, two of each at least, in a batch, got 5"):
        discrimination(joint=True)(batch(5))


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("joint", [False, True])
@pytest.mark.parametrize("count", range(7))
def test_every_batch_has_finite_closeness_or_is_refused(count, joint, reduce):
    """It is refused where a sample has no other of its half; by `calibrate` too, which then moves nothing."""
    layer, x = discrimination(reduce=reduce, joint=joint), batch(count)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    if count >= 4 - 2 * (not joint) and not (joint and count % 2):
        assert layer(x).isfinite().all()
        layer.calibrate(x)
        assert all(value.isfinite().all() for value in layer.state_dict().values())
        return
    for use in (layer, layer.calibrate):
        with pytest.raises(ValueError, match=f"in a batch, got {count}"):
            use(x)
    assert all(value.equal(before[name]) for name, value in layer.state_dict().items())


def test_samples_that_are_all_like_another_cannot_be_set_apart():
    layer = discrimination()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    with pytest.raises(ValueError, match="each is like another one"):
        layer.calibrate(batch(1).expand(8, 4))
    assert all(value.equal(before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_a_game_of_joint_batches_wants_two_samples_of_each_kind(reduce):
    def game(size):
        discriminator = MinibatchMLPDiscriminator((2,), width=4, reduce=reduce, joint=True)
        return GAN(MLPGenerator(2, (2,)), discriminator, JointBatch(), data=Ring(), latent=2, batch_size=size)

    with pytest.raises(ValueError, match="use batch_size=2 or more"):
        game(1)
    for size in (2, 3):
        own = game(size)
        assert all(own(player, own.draw(Key(0))).isfinite() for player in ("discriminator", "generator"))


def test_no_tensor_of_all_differences_is_formed_at_the_size_of_the_imagenet_code():
    layer, x = MinibatchDiscrimination(8, kernels=300, dimensions=50), torch.randn(128, 8)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            nonlocal largest
            out = func(*args, **(kwargs or {}))
            sizes = [v.numel() for v in leaves(out) if isinstance(v, torch.Tensor)]
            largest = max([largest, *sizes])
            return out

    with Watch():
        layer(x).square().sum().backward()
    assert largest == 128 * 128 * 300


@pytest.mark.parametrize("shape", [(3,), (3, 4, 5)])
def test_virtual_batch_norm_sample_by_sample(shape):
    layer = VirtualBatchNorm(3)
    layer.references = 4
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, 2.0, -1.0]))
        layer.bias.copy_(torch.tensor([0.0, 1.0, 0.5]))
    x = 2 * torch.randn(7, *shape, generator=generator(0)) + 1
    out = layer(x).detach()
    plain = nn.functional.batch_norm(x[:4], None, None, layer.weight, layer.bias, training=True)
    torch.testing.assert_close(out[:4], plain.detach(), atol=1e-5, rtol=1e-4)
    rows = x.double().numpy().reshape(7, 3, -1)
    for k in range(4, 7):
        mean = (rows[k].mean(-1) + 4 * rows[:4].mean((0, 2))) / 5
        square = ((rows[k] ** 2).mean(-1) + 4 * (rows[:4] ** 2).mean((0, 2))) / 5
        scale = layer.weight.detach().numpy() / np.sqrt(square - mean**2 + 1e-5)
        expected = (rows[k] - mean[:, None]) * scale[:, None] + layer.bias.detach().numpy()[:, None]
        np.testing.assert_allclose(out[k].reshape(3, -1).numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 10.0, -300.0, 1e4])
@pytest.mark.parametrize("deviation", [0.0, 1e-3, 1.0])
def test_virtual_batch_norm_of_a_channel_far_from_zero(offset, deviation):
    """As exact as the input: a number of 1e4 is known to 1e-3 in 32 bits."""
    layer = VirtualBatchNorm(2)
    layer.references = 64
    for seed in range(20):
        x = offset + deviation * torch.randn(72, 2, 3, generator=generator(seed))
        out, rows = layer(x).detach(), x.double() - x[:64].double().mean((0, 2), keepdim=True)
        mean = rows[64:].mean(2, keepdim=True) / 65
        square = (rows[64:].square().mean(2, keepdim=True) + 64 * rows[:64].square().mean((0, 2), keepdim=True)) / 65
        want = (rows[64:] - mean) / (square - mean**2 + layer.eps).sqrt()
        torch.testing.assert_close(out[64:].double(), want, atol=3e-3, rtol=1e-3)
        assert out.isfinite().all()


def virtual_generator() -> VirtualBatchGenerator:
    with seeded(0):
        network = nn.Sequential(
            nn.Linear(2, 8), VirtualBatchNorm(8), nn.ReLU(), nn.Linear(8, 8), VirtualBatchNorm(8), nn.Linear(8, 2)
        )
        return VirtualBatchGenerator(network, torch.randn(16, 2))


def test_other_samples_of_a_batch_change_nothing_under_virtual_batch_norm():
    network, z = virtual_generator(), torch.randn(5, 2, generator=generator(1))
    others = torch.cat([z[:1], 100 * z[1:]])
    torch.testing.assert_close(network(z)[0], network(others)[0])
    torch.testing.assert_close(network(z)[:1], network(z[:1]))


@pytest.mark.parametrize("kind", [VirtualMLPGenerator, VirtualDCGANGenerator])
def test_the_ready_made_virtual_generators_make_each_image_alone(kind):
    with seeded(0):
        network, z = kind(4, (1, 8, 8), width=8, reference=8), torch.randn(3, 4)
    assert network(z).shape == (3, 1, 8, 8)
    torch.testing.assert_close(network(z)[1:2], network(z[1:2]))


def test_a_virtual_batch_generator_plays_and_keeps_its_reference():
    game = GAN(virtual_generator(), nn.Linear(2, 1), None, GradientPenalty(), data=Ring(), latent=2, batch_size=4)
    point = point_of(game)
    priced = FunctionalGame(game).gradient("generator", point, game.draw(Key(0)))
    assert torch.equal(priced.state["generator.reference"], point.state["generator.reference"])
    assert priced.gradient["network.1.weight"].abs().max() > 0


def test_virtual_batch_norm_asks_for_its_reference():
    with pytest.raises(ValueError, match="wrap the generator"):
        VirtualBatchNorm(2)(torch.randn(4, 2))
    with pytest.raises(ValueError, match="no VirtualBatchNorm"):
        VirtualBatchGenerator(nn.Linear(2, 2), torch.randn(4, 2))
    with pytest.raises(ValueError, match="at least 2 rows"):
        VirtualBatchGenerator(VirtualBatchNorm(2), torch.randn(1, 2))


def noisy_game() -> GAN:
    with seeded(0):
        discriminator = NoisyMLPDiscriminator((2,), width=8, depth=2)
        return GAN(nn.Linear(2, 2), discriminator, None, GradientPenalty(), data=Ring(), latent=2, batch_size=4)


def test_noise_is_added_as_drawn_and_only_while_a_batch_is_priced():
    layer, x = GaussianNoise((3,), 0.5), torch.zeros(4, 3)
    holder = nn.Sequential(layer)
    rows = draw_noise(holder, Key(0), (4,))
    with bound(holder, rows):
        torch.testing.assert_close(layer(x), 0.5 * rows["0"])
        torch.testing.assert_close(layer(torch.zeros(8, 3))[4:], 0.5 * rows["0"])
        with pytest.raises(ValueError, match="batches of 4 samples; this one has 6"):
            layer(torch.zeros(6, 3))
        holder.eval()
        assert torch.equal(layer(x), x)
    assert torch.equal(layer.train()(x), x)


def test_the_batch_holds_all_the_noise_of_a_step():
    game = noisy_game()
    point, problem = point_of(game), FunctionalGame(game)
    first, again, other = (game.draw(Key(seed)) for seed in (0, 0, 1))
    assert set(first["noise"]) == {f"discriminator.{name}" for name in noise_layers(game.discriminator)}
    assert len(first["noise"]) == 3
    costs = [
        problem.loss("discriminator", point, b)[0].item() for b in (first, again, {**first, "noise": other["noise"]})
    ]
    assert costs[0] == costs[1] != costs[2]
    silent = {**first, "noise": tree_map(torch.zeros_like, first["noise"])}
    loud = tree_map(lambda v: v.clone(), problem.loss("discriminator", point, silent)[0])
    torch.testing.assert_close(loud, problem.loss("discriminator", point, {**first, "noise": {}})[0])


def test_a_noisy_game_stacks_and_compiles():
    game = noisy_game()
    point, problem = point_of(game), FunctionalGame(game)
    batches = game.draw(Key(0), (3,))

    def slope(rows):
        priced = problem.gradient("discriminator", point, rows)
        return priced.gradient["head.weight"], priced.cost

    stacked = vmap(slope)(batches)
    last = tree_map(lambda v: v[2], batches)
    torch.testing.assert_close(tree_map(lambda v: v[2], stacked), slope(last))
    compiled = as_one_graph(slope, "traced")
    torch.testing.assert_close(compiled(last), slope(last))


def test_dropout_is_the_published_rule_and_only_while_a_batch_is_priced():
    """Mean and share of zeros within 5 deviations of their binomial law; the rows are a seed's."""
    layer, x = Dropout((50,), 0.3), torch.ones(400, 50)
    holder = nn.Sequential(layer)
    with bound(holder, draw_noise(holder, Key(0), (400,))):
        y = layer(x)
        assert torch.equal(y, layer(x))
    assert y.unique().tolist() == [0.0, pytest.approx(1 / 0.7)]
    assert float((y == 0).double().mean()) == pytest.approx(0.3, abs=5 * (0.21 / y.numel()) ** 0.5)
    assert torch.equal(layer(x), x)
    with bound(holder.eval(), draw_noise(holder, Key(0), (400,))):
        assert torch.equal(layer(x), x)


def test_a_critic_with_dropout_trains_stacked_as_alone():
    def member(seed):
        with seeded(seed):
            critic = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), Dropout((8,), 0.5), nn.Linear(8, 1))
            return GAN(nn.Linear(2, 2), critic, None, GradientPenalty(), data=Ring(), latent=2, batch_size=4)

    def solver():
        return Alternating(SGD(0.05), SGD(0.05))

    together = train_many([member(0), member(1)], [solver(), solver()], 5, [3, 4])
    alone = train(member(1), solver(), 5, seed=4)
    for a, b in zip(together[1].game.parameters(), alone.game.parameters(), strict=True):
        torch.testing.assert_close(a, b)
