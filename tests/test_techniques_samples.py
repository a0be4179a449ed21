"""Techniques between samples and critic: against the authors' formulas, closed forms, and what their papers claim."""

import copy
import math

import numpy as np
import pytest
import torch
from scipy.signal import upfirdn
from torch import nn
from torch.nn.functional import affine_grid, grid_sample
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.core import FunctionalGame, Key, Point, generator, own_state, point_of, seeded
from nashpath.core.tree import leaves, tree_map
from nashpath.data import Digits, Ring
from nashpath.games import GAN, OBJECTIVES, PENALTIES, TECHNIQUES
from nashpath.games.mixture import Mixture
from nashpath.games.objectives import (
    FGAN,
    Cumulant,
    EnergyDistance,
    FeatureMatching,
    Hinge,
    JointBatch,
    LabelSmoothing,
    LeastSquares,
    Minimax,
    NonSaturating,
    Relativistic,
    RelativisticAverage,
    Wasserstein,
)
from nashpath.games.penalties import R1, BalancedConsistency, LazyR1, NoPenalty
from nashpath.games.techniques import (
    AdaptiveAugment,
    AroundCritic,
    DiffAugment,
    InstanceNoise,
    ada,
    diff_augment,
    gradient_normalisation,
    instance_noise,
    latent_optimisation,
    spectral_regularisation,
    top_k,
    truncation,
    zcr,
)
from nashpath.games.toys import Bilinear, DiracGAN
from nashpath.games.views import SYMLET, warped
from nashpath.networks import MLPDiscriminator, MLPGenerator
from nashpath.run import SettingError, open_session
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from nashpath.solvers import SGD, Alternating, Simultaneous


def plane(objective=None, penalty=None, batch_size=6, **options) -> GAN:
    with seeded(0):
        networks = MLPGenerator(3, (2,), width=5, depth=1), MLPDiscriminator((2,), width=5, depth=1)
        return GAN(*networks, objective, penalty, data=Ring(), latent=3, batch_size=batch_size, **options)


def pictures(objective=None, penalty=None, batch_size=6) -> GAN:
    with seeded(0):
        shape = tuple(Digits().shape)
        networks = MLPGenerator(3, shape, width=5, depth=1), MLPDiscriminator(shape, width=5, depth=1)
        return GAN(*networks, objective, penalty, data=Digits(), latent=3, batch_size=batch_size)


def costs(game: GAN, batch=None) -> list[float]:
    batch = game.draw(Key(1)) if batch is None else batch
    problem, point = FunctionalGame(game), point_of(game)
    return [problem.loss(who, point, batch)[0].item() for who in game.players]


# Instance noise


def test_instance_noise_is_the_critic_of_noisy_samples_in_both_costs():
    plain, noisy = plane(Wasserstein()), instance_noise(plane(Wasserstein()), 0.5)
    batch = noisy.draw(Key(1))
    ((name, rows),) = batch["noise"].items()
    assert name == "discriminator.before"
    real, fake = batch["real"] + 0.5 * rows[:, 0], plain.generator(batch["latent"]) + 0.5 * rows[:, 1]
    expected = [plain.discriminator(fake).mean() - plain.discriminator(real).mean(), -plain.discriminator(fake).mean()]
    assert costs(noisy, batch) == pytest.approx([v.item() for v in expected], rel=1e-5)
    assert not torch.equal(noisy.draw(Key(2))["noise"][name], rows)


def test_instance_noise_fades_with_the_discriminators_turns():
    game = instance_noise(plane(), 0.8, steps=4)
    layer = game.discriminator.before
    assert isinstance(layer, InstanceNoise)
    found = []
    for _ in range(6):
        layer.advance()
        found.append(layer.sigma().item())
    assert found == pytest.approx([0.6, 0.4, 0.2, 0, 0, 0])
    assert InstanceNoise((2,), 0.3).sigma() == 0.3
    problem, point = FunctionalGame(game), point_of(game)
    batch = game.draw(Key(0))
    assert problem.gradient("discriminator", point, batch).state["discriminator.before.turns"] == 7
    assert "discriminator.before.turns" not in problem.gradient("generator", point, batch).state


def field_matrix(game: GAN, batch) -> np.ndarray:
    """The Jacobian of the field (∇ J_G, ∇ J_D) at zero of two players of one number each."""
    with torch.no_grad():
        for p in game.parameters():
            p.zero_()
    problem, at = FunctionalGame(game), point_of(game)
    names = {who: next(iter(own)) for who, own in at.players.items()}

    def slope(who, players):
        def paid(own):
            return problem.loss(who, Point({**players, who: own}, at.state), batch)[0]

        return next(iter(torch.func.grad(paid)(players[who]).values()))

    def field(v):
        order = ("generator", "discriminator")
        players = {who: {names[who]: v[k : k + 1]} for k, who in enumerate(order)}
        return torch.cat([slope(who, players) for who in order])

    return torch.func.jacfwd(field)(torch.zeros(2)).numpy()


@pytest.mark.long
def test_instance_noise_makes_the_dirac_gan_converge():
    """Mescheder et al. 2018, Lemma 3.2: eigenvalues f''(0) σ² ± √(f''(0)² σ⁴ − f'(0)²), f'(0) = ½ and f''(0) = −¼.

    They are those of descent, of minus this matrix. Noise ± 1 has the variance of the lemma exactly. Without noise they
    are ± i/2.
    """
    sigma = 1.2
    game = instance_noise(DiracGAN(Minimax(), batch_size=2), sigma)
    batch = game.draw(Key(0))
    batch["noise"]["discriminator.before"] = torch.tensor([[1.0], [-1.0]])[:, None].expand(-1, 2, -1)
    root = np.sqrt(complex(sigma**4 / 16 - 0.25))
    expected = [sigma**2 / 4 + root, sigma**2 / 4 - root]
    assert np.allclose(np.linalg.eigvals(field_matrix(game, batch)), expected, atol=1e-5)
    ends = {}
    for deviation in (0.0, sigma):
        played = instance_noise(DiracGAN(Minimax(), batch_size=64), deviation)
        program = Program([Trial(played, Alternating(discriminator=SGD(0.1), generator=SGD(0.1)))], [0])
        program.run(300)
        ends[deviation] = math.hypot(*(v.item() for v in leaves(program.train_state(0).point.players)))
    assert ends[sigma] < 0.1 < 1 < ends[0.0]


class LinearCritic(nn.Module):
    """d(x) = ½ Σ x, of any shape."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return self.slope * x.flatten(1).sum(1, keepdim=True)


@pytest.mark.parametrize("technique", [instance_noise, diff_augment, ada])
def test_real_and_generated_samples_are_changed_apart_in_separate_and_in_joint_passes(technique):
    """What is done to the i-th real sample tells nothing about what is done to the i-th generated one."""
    seen = {}
    for objective in (Relativistic(), JointBatch(Relativistic())):
        inside = NonSaturating() if technique is ada else objective  # ada needs logits of real samples alone
        game = technique(pictures(inside, batch_size=64))
        if technique is ada:
            game.objective = objective
            game.discriminator.before.probability = torch.tensor(1.0)
        shown = []
        game.discriminator.network = LinearCritic()
        game.discriminator.network.register_forward_pre_hook(lambda _, given, shown=shown: shown.append(given[0]))
        batch = game.draw(Key(1))
        batch["real"] = game.generator(batch["latent"]).detach()  # both alike, so that only the changes differ
        game("generator", batch)
        shown = torch.cat(shown)
        assert len(shown) == 128
        seen[type(objective)] = shown
        joint = isinstance(objective, JointBatch)
        real, fake = (shown[:64], shown[64:]) if joint else (shown[64:], shown[:64])
        moved = [(part - batch["real"]).flatten(1).mean(1) for part in (real, fake)]
        assert torch.corrcoef(torch.stack(moved))[0, 1].abs() < 0.4  # 3 deviations of 64 independent pairs; else 1
        assert min(part.std() for part in moved) > 0
    alone, joint = seen.values()
    assert torch.allclose(torch.cat([alone[64:], alone[:64]]), joint, atol=1e-6)


def test_noise_moves_the_gradients_of_objectives_that_compare():
    """Of the Dirac GAN under pairs: with noise shared by a pair d(x + ε) − d(x̃ + ε) = d(x) − d(x̃), as without any."""
    found = []
    for deviation in (0.0, 1.0):
        game = instance_noise(DiracGAN(Relativistic(), batch_size=64), deviation)
        problem, batch = FunctionalGame(game), game.draw(Key(0))
        found.append([float(leaves(problem.gradient(who, point_of(game), batch).gradient)[0]) for who in game.players])
    assert all(abs(a - b) > 0.01 for a, b in zip(*found))


@pytest.mark.long
def test_the_energy_distance_of_equal_noisy_distributions_is_zero_in_the_mean():
    """Batches of 8 with noise 1: 0 ± 4 standard errors; with noise shared by pairs the mean was −0.255."""
    game = instance_noise(DiracGAN(EnergyDistance(features=1), x=0.0, batch_size=8), 1.0)
    costs = torch.stack([game("generator", game.draw(Key(0, step=t))) for t in range(400)]).detach()
    error = costs.std().item() / 20
    assert abs(costs.mean().item()) < 4 * error < 0.12


def test_penalties_and_terms_on_generated_samples_see_their_noise():
    """bCR and zCR compare a sample with itself where views and latents do not move: no price, whatever the noise."""
    still = plane(penalty=BalancedConsistency(deviation=0.0))
    noisy = zcr(instance_noise(still, 1.0), deviation=0.0)
    batch = noisy.draw(Key(1))
    cost = costs(noisy, batch)[0]
    noisy.penalty = NoPenalty()
    del noisy.sample_terms["zcr"], batch["noise"]["sample_terms.zcr"]
    assert cost == pytest.approx(costs(noisy, batch)[0], rel=1e-6)


# DiffAugment


def by_hand(image: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """The authors' operations on one image, loop by loop."""
    image = image + uniform[0] - 0.5
    mean = image.mean(0, keepdims=True)
    image = (image - mean) * 2 * uniform[1] + mean
    image = (image - image.mean()) * (uniform[2] + 0.5) + image.mean()
    height, width = image.shape[1:]
    moves = [math.floor(u * (2 * (s // 8) + 1)) - s // 8 for u, s in zip(uniform[3:5], (height, width))]
    moved = np.zeros_like(image)
    for i in range(height):
        for j in range(width):
            if 0 <= i + moves[0] < height and 0 <= j + moves[1] < width:
                moved[:, i, j] = image[:, i + moves[0], j + moves[1]]
    sizes = height // 2, width // 2
    centres = [math.floor(u * (side + 1 - size % 2)) for u, side, size in zip(uniform[5:], (height, width), sizes)]
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            at = centres[0] - sizes[0] // 2 + i, centres[1] - sizes[1] // 2 + j
            if 0 <= at[0] < height and 0 <= at[1] < width:
                moved[:, at[0], at[1]] = 0
    return moved


@pytest.mark.parametrize("shape", [(3, 16, 16), (1, 8, 9), (3, 17, 10)])
def test_diff_augment_is_the_authors_loops(shape):
    rng = np.random.default_rng(0)
    images, uniform = rng.normal(size=(20, *shape)), rng.uniform(size=(20, 7))
    found = DiffAugment().changed(torch.tensor(images), torch.tensor(uniform)).numpy()
    for image, row, changed in zip(images, uniform, found):
        assert np.allclose(changed, by_hand(image, row), atol=1e-12)


def test_each_part_of_diff_augment_can_be_left_out_and_its_draws_have_their_range():
    images = torch.rand(2000, 1, 16, 16, generator=generator(0))
    uniform = torch.rand(2000, 7, generator=generator(1))
    assert torch.equal(DiffAugment(False, False, False).changed(images, uniform), images)
    holes = DiffAugment(False, False, True).changed(torch.ones_like(images), uniform)
    covered = 1 - holes.mean((0, 1))
    assert holes.unique().tolist() == [0, 1]
    assert covered[8, 8] > 2 * covered[0, 0]  # a hole is centred anywhere, so the corner is reached by a quarter of it
    coloured = DiffAugment(True, False, False).changed(images, uniform)
    moved = coloured.mean((1, 2, 3)) - images.mean((1, 2, 3))
    assert -0.5 <= moved.min() < -0.48 < 0.48 < moved.max() <= 0.5


@pytest.mark.long
def test_diff_augment_is_differentiable_twice_and_identity_outside_of_a_batch():
    game = diff_augment(pictures(penalty=R1()))
    images = torch.rand(6, *tuple(game.data.shape))
    assert torch.equal(game.discriminator(images), game.discriminator.network(images))
    uniform = torch.rand(2, 7, generator=generator(0), dtype=torch.float64)
    images = torch.rand(2, 3, 8, 8, generator=generator(1), dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: DiffAugment().changed(x, uniform), (images,))
    for cost in costs(game):
        assert math.isfinite(cost)


def test_the_generator_learns_through_the_augmentation():
    """Its gradient is that of the critic's logits on augmented samples, by autograd over the whole chain."""
    game = diff_augment(pictures(Wasserstein()))
    batch = game.draw(Key(1))
    found = FunctionalGame(game).gradient("generator", point_of(game), batch).gradient
    fake = game.generator(batch["latent"])
    uniform = torch.special.ndtr(batch["noise"]["discriminator.before"][:, 1])
    cost = -game.discriminator.network(game.discriminator.before.changed(fake, uniform)).mean()
    expected = torch.autograd.grad(cost, list(game.generator.parameters()))
    for value, other in zip(found.values(), expected):
        assert torch.allclose(value, other, atol=1e-6)


# ADA


def homogeneous(normal: np.ndarray, uniform: np.ndarray, p: float, grey: bool) -> np.ndarray:
    """The colour matrix [4, 4] of one image: products of homogeneous matrices about the grey axis."""
    axis = np.array([1, 1, 1]) / math.sqrt(3)
    along = np.outer(axis, axis)

    def lifted(matrix):
        whole = np.eye(4)
        whole[:3, :3] = matrix
        return whole

    total = np.eye(4)
    if uniform[0] < p:
        total[:3, 3] += 0.2 * normal[1]
    if uniform[2] < p:
        total = lifted(np.eye(3) * 2 ** (0.5 * normal[3])) @ total
    if uniform[4] < p and uniform[5] < 0.5:
        total = lifted(np.eye(3) - 2 * along) @ total
    if not grey and uniform[6] < p:
        angle = math.pi * (2 * uniform[7] - 1)
        cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
        total = lifted(np.cos(angle) * np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * along) @ total
    if not grey and uniform[8] < p:
        total = lifted(along + 2 ** normal[9] * (np.eye(3) - along)) @ total
    return total


@pytest.mark.parametrize("channels", [1, 3])
def test_the_colours_of_ada_are_products_of_matrices(channels):
    layer = AdaptiveAugment(4, blit=False, geometry=False)
    layer.probability = torch.tensor(0.5)
    normal = torch.randn(60, 28, generator=generator(0), dtype=torch.float64)
    images = torch.rand(60, channels, 4, 4, generator=generator(1), dtype=torch.float64)
    found = layer.changed(images, normal).numpy()
    uniform = torch.special.ndtr(normal)
    for k in range(60):
        matrix = homogeneous(normal[k, 7:17].numpy(), uniform[k, 7:17].numpy(), 0.5, grey=channels == 1)
        rgb = np.repeat(images[k].numpy(), 3 // channels, 0).reshape(3, -1)
        expected = (matrix[:3, :3] @ rgb + matrix[:3, 3:])[:channels].reshape(channels, 4, 4)
        assert np.allclose(found[k], expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 16, 16), (2, 8, 16)])
def test_blits_of_ada_move_whole_pixels(shape):
    layer = AdaptiveAugment(4, geometry=False, colour=False)
    layer.probability = torch.tensor(0.7)
    normal = torch.randn(50, 28, generator=generator(0))
    images = torch.rand(50, *shape, generator=generator(1))
    found, uniform = layer.changed(images, normal).numpy(), torch.special.ndtr(normal).numpy()
    for k, (image, row) in enumerate(zip(images.numpy(), uniform)):
        if row[0] < 0.7 and row[1] < 0.5:
            image = image[:, :, ::-1]
        quarters = math.floor(4 * row[3]) if row[2] < 0.7 else 0
        if shape[1] == shape[2] or quarters == 2:
            image = np.rot90(image, quarters, (1, 2))
        if row[4] < 0.7:
            for axis, u in ((1, row[5]), (2, row[6])):
                most = round(shape[axis] / 8)
                by = math.floor(u * (2 * most + 1)) - most
                wide = np.pad(image, [(most, most) if a == axis else (0, 0) for a in range(3)], mode="reflect")
                image = np.take(wide, np.arange(shape[axis]) + by + most, axis)
        assert np.array_equal(found[k], image)
    layer.probability = torch.tensor(0.0)
    assert torch.equal(layer.changed(images, normal), images)
    assert torch.equal(AdaptiveAugment(4).changed(images[:, :1], normal), images[:, :1])


def authors_warp(image, normal, uniform, p):
    """The geometry of the authors' pipeline: homogeneous matrices, SciPy's ``upfirdn``, PyTorch's ``grid_sample``."""
    (channels, height, width), taps = image.shape, np.array(SYMLET) / sum(SYMLET)

    def matrix(a, b, c=0.0, d=0.0, e=0.0, f=0.0):
        return np.array([[a, b, c], [d, e, f], [0, 0, 1]])

    def turn(angle):
        return matrix(np.cos(angle), -np.sin(angle), 0, np.sin(angle), np.cos(angle))

    inverse, p_turn = np.eye(3), 1 - np.sqrt(1 - p)
    if uniform[0] < p:
        inverse = inverse @ matrix(1 / 2 ** (0.2 * normal[1]), 0, e=1 / 2 ** (0.2 * normal[1]))
    if uniform[2] < p_turn:
        inverse = inverse @ turn(np.pi * (2 * uniform[3] - 1))
    if uniform[4] < p:
        inverse = inverse @ matrix(1 / 2 ** (0.2 * normal[5]), 0, e=2 ** (0.2 * normal[5]))
    if uniform[6] < p_turn:
        inverse = inverse @ turn(np.pi * (2 * uniform[7] - 1))
    if uniform[8] < p:
        inverse = inverse @ matrix(1, 0, -0.125 * width * normal[9], e=1, f=-0.125 * height * normal[10])
    x = np.pad(image, [(0, 0), (height - 1,) * 2, (width - 1,) * 2], mode="reflect")
    for axis in (1, 2):
        x = np.take(upfirdn(2 * taps, x, up=2, axis=axis), np.arange(2 * x.shape[axis]) + 5, axis)
    twice, back = np.diag([2.0, 2.0, 1.0]), matrix(1, 0, -0.5, 0, 1, -0.5)
    inverse = back @ twice @ inverse @ np.linalg.inv(twice) @ np.linalg.inv(back)
    size = (2 * (height + 6), 2 * (width + 6))
    inverse = np.diag([2 / x.shape[2], 2 / x.shape[1], 1]) @ inverse @ np.diag([size[1] / 2, size[0] / 2, 1])
    grid = affine_grid(torch.tensor(inverse[None, :2]), [1, channels, *size], align_corners=False)
    x = grid_sample(torch.tensor(x)[None], grid, align_corners=False)[0].numpy()[:, 1:-1, 1:-1]
    for axis in (1, 2):
        x = np.take(upfirdn(taps[::-1], x, axis=axis), np.arange(11, 11 + 2 * image.shape[axis], 2), axis)
    return x


@pytest.mark.parametrize("shape", [(3, 12, 12), (1, 8, 14)])
def test_the_geometry_of_ada_is_the_authors_pipeline(shape):
    layer = AdaptiveAugment(4, blit=False, colour=False)
    layer.probability = torch.tensor(0.6)
    normal = torch.randn(60, 28, generator=generator(0), dtype=torch.float64)
    images = torch.rand(60, *shape, generator=generator(1), dtype=torch.float64)
    found, uniform = layer.changed(images, normal).numpy(), torch.special.ndtr(normal)
    for k in range(60):
        expected = authors_warp(images[k].numpy(), normal[k, 17:].numpy(), uniform[k, 17:].numpy(), 0.6)
        assert np.allclose(found[k], expected, atol=1e-6), k


def test_a_warp_by_nothing_changes_nothing_and_has_two_derivatives():
    x = torch.rand(2, 1, 5, 4, dtype=torch.float64, generator=generator(0), requires_grad=True)
    linear = torch.eye(2, dtype=torch.float64).expand(2, 2, 2)
    assert torch.allclose(warped(x, linear, torch.zeros(2, 2, dtype=torch.float64)), x, atol=1e-12)
    turn = torch.tensor([[0.8, -0.6], [0.6, 0.8]], dtype=torch.float64).expand(2, 2, 2)
    by = torch.tensor([[0.3, -0.2], [1.7, 0.4]], dtype=torch.float64)
    assert torch.autograd.gradgradcheck(lambda x: warped(x, turn, by).square(), x)


@pytest.mark.long
def test_the_share_of_changed_images_is_p():
    """No part is leaking: with p < 1 unchanged images are the most likely of all."""
    layer = AdaptiveAugment(4)
    layer.probability = torch.tensor(0.3)
    images = torch.rand(1, 3, 8, 8, generator=generator(0)).expand(4000, -1, -1, -1)
    seen = layer.changed(images, torch.randn(4000, 28, generator=generator(1)))
    same = torch.isclose(seen, images, atol=1e-5).flatten(1).all(1).double().mean().item()
    # flip ½, quarter turn ¼, shift 1/9 (one pixel a side), luma flip ½ may choose to change nothing
    expected = (1 - 0.15) * (1 - 0.3 * 3 / 4) * (1 - 0.3 * 8 / 9) * 0.7**2 * (1 - 0.15) * 0.7**2
    expected *= 0.7**4  # scale, one turn or two, aspect, place
    assert same == pytest.approx(expected, abs=4 * math.sqrt(expected / 4000))


def controller(signs, batch, target, images, interval) -> list[float]:
    """p after each batch, by the authors' loop: moved every ``interval`` batches by the mean sign since."""
    p, since, found = 0.0, [], []
    for value in signs:
        since.append(value)
        if len(since) == interval:
            p = min(max(p + np.sign(np.mean(since) - target) * batch * interval / images, 0.0), 1.0)
            since = []
        found.append(p)
    return found


def test_the_controller_is_the_authors_loop():
    rng = np.random.default_rng(0)
    layer = AdaptiveAugment(64, target=0.3, images=2000.0, interval=4)
    logits = [torch.tensor(rng.normal(size=16) + 1.2 * (k < 50)) for k in range(100)]
    found = []
    for batch in logits:
        layer.observe_real(batch)
        found.append(layer.probability.item())
    expected = controller([np.sign(v.numpy()).mean() for v in logits], 64, 0.3, 2000, 4)
    assert found == pytest.approx(expected, abs=1e-6)
    assert max(found) == pytest.approx(1.0)
    assert found[-1] < 0.7


def overfitting(steps: int, **more) -> Program:
    settings = {"data": "digits", "technique": "ada", "technique.images": 400.0, "batch_size": 8, "latent": 4}
    settings |= {"generator": "mlp", "discriminator": "mlp", "solver.discriminator.learning_rate": 0.01}
    program = Program([build_trial(resolve({}, {**settings, **more}), 0)], [0])
    program.run(steps)
    return program


@pytest.mark.long
def test_p_follows_the_critic_and_moves_in_the_discriminators_turn_only():
    state = overfitting(60, **{"technique.target": 0.0}).train_state(0).point.state  # of four seeds p is 0.84 to 1
    assert 0 < state["discriminator.before.probability"].item() <= 1
    still = overfitting(60, **{"technique.target": 1.0}).train_state(0).point.state
    assert still["discriminator.before.probability"] == 0  # no batch is beyond certain
    game = ada(pictures())
    problem, point = FunctionalGame(game), point_of(game)
    batch = game.draw(Key(0))
    assert problem.gradient("discriminator", point, batch).state["discriminator.before.batches"] == 1
    assert not own_state(problem.gradient("generator", point, batch).state, "discriminator")


@pytest.mark.long
def test_a_resumed_run_goes_on_with_its_p():
    whole, first = overfitting(30), overfitting(13)
    second = overfitting(0)
    second.load([first.train_state(0)], 13, first.info())
    second.run(17)
    for a, b in zip(leaves(whole.train_state(0)), leaves(second.train_state(0)), strict=True):
        assert torch.equal(a, b)


class Says(nn.Module):
    """The logit c for every sample."""

    def __init__(self, logit):
        super().__init__()
        self.logit = nn.Parameter(torch.tensor([logit]))

    def forward(self, x):
        return self.logit.expand(len(x), 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("objective", "undecided"),
    [(NonSaturating(), 0.0), (LeastSquares(), 0.5), (LabelSmoothing(), math.log(0.45 / 0.55)), (FGAN("kl"), 1.0)],
)
def test_ada_leaves_images_alone_while_the_critic_is_undecided(objective, undecided):
    """Under least_squares ½ is undecided, and p went to 1 there."""
    assert objective.undecided == pytest.approx(undecided)
    moved = []
    for logit in (objective.undecided, undecided + 0.01):
        bare = pictures(objective)
        bare.discriminator = Says(logit)
        game = ada(bare, images=200.0)
        problem, point = FunctionalGame(game), point_of(game)
        for step in range(20):
            turn = problem.gradient("discriminator", point, game.draw(Key(0, step=step)))
            point = point._replace(state={**point.state, **turn.state})
        moved.append(point.state["discriminator.before.probability"].item())
    assert moved == pytest.approx([0, 20 * 6 / 200])


def test_all_passes_of_a_turn_see_one_probability():
    """p moves last: zcr's pass over moved samples came after it, and compared logits under two probabilities."""
    bare = pictures()
    bare.discriminator = Says(1.0)
    game, seen = zcr(ada(bare, images=6.0, interval=1)), []
    game.discriminator.before.register_forward_pre_hook(lambda layer, _: seen.append(layer.probability.item()))
    state = FunctionalGame(game).gradient("discriminator", point_of(game), game.draw(Key(0))).state
    assert seen == [0, 0, 0]
    assert state["discriminator.before.probability"] == 1


@pytest.mark.parametrize("objective", [Wasserstein(), Relativistic(), RelativisticAverage(), Cumulant()])
def test_ada_refuses_objectives_without_an_undecided_logit(objective):
    with pytest.raises(ValueError, match=f"under {type(objective).__name__} no logit is that of an undecided critic"):
        ada(pictures(objective))


# Gradient normalisation


def test_gradient_normalisation_is_its_formula_and_bounds_the_slope():
    """On a critic of ReLUs the slope has norm (‖∇d‖ / (‖∇d‖ + |d|))², at most 1."""
    game = gradient_normalisation(plane())
    inner = copy.deepcopy(game.discriminator.network)
    for p in inner.parameters():
        p.data *= 3
    critic = type(game.discriminator)(inner)
    x = torch.randn(200, 2, generator=generator(0)).requires_grad_()
    logit = inner(x)
    (slope,) = torch.autograd.grad(logit.sum(), x)
    size = slope.norm(dim=1, keepdim=True)
    assert torch.allclose(critic(x), logit / (size + logit.abs()), atol=1e-6)
    (bounded,) = torch.autograd.grad(critic(x).sum(), x)
    assert torch.allclose(bounded.norm(dim=1, keepdim=True), (size / (size + logit.abs())).square(), atol=1e-5)
    assert bounded.norm(dim=1).max() <= 1 + 1e-5
    assert critic(x).abs().max() <= 1


def test_gradient_normalisation_is_free_of_scale_and_of_nan():
    game = gradient_normalisation(plane())
    x = torch.randn(5, 2, generator=generator(0))
    before = game.discriminator(x)
    head = game.discriminator.network.head
    head.weight.data *= 7
    head.bias.data *= 7
    assert torch.allclose(game.discriminator(x), before, atol=1e-6)
    head.weight.data.zero_()
    head.bias.data.zero_()
    gradients = torch.autograd.grad(
        game.discriminator(x).sum(), list(game.discriminator.parameters()), allow_unused=True
    )
    assert all(torch.isfinite(g).all() for g in gradients if g is not None)
    assert not game.discriminator(x).any()


def test_gradient_normalisation_beside_a_penalty_is_a_third_derivative_that_works():
    game = gradient_normalisation(plane(Hinge(), R1(1.0)))
    gradient = FunctionalGame(game).gradient("discriminator", point_of(game), game.draw(Key(0))).gradient
    assert any(g.abs().max() > 0 for g in gradient.values())


# Spectral regularisation


def test_spectral_regularisation_pays_for_the_largest_singular_values():
    game = spectral_regularisation(plane(), 3.0)
    without, priced = costs(plane()), costs(game)
    weights = [m.weight.detach() for m in game.discriminator.modules() if isinstance(m, nn.Linear)]
    assert len(weights) == 2
    squares = sum(np.linalg.svd(w.numpy())[1][0] ** 2 for w in weights)
    assert priced[0] - without[0] == pytest.approx(1.5 * squares, rel=1e-4)
    assert priced[1] == without[1]
    problem, point = FunctionalGame(game), point_of(game)
    batch = game.draw(Key(1))
    more = problem.gradient("discriminator", point, batch).gradient
    bare = plane()
    less = FunctionalGame(bare).gradient("discriminator", point_of(bare), batch).gradient
    u, s, v = np.linalg.svd(weights[0].numpy(), full_matrices=False)
    (name,) = [k for k in more if k.startswith("features") and k.endswith("weight")]
    assert np.allclose((more[name] - less[name]).numpy(), 3 * s[0] * np.outer(u[:, 0], v[0]), atol=1e-4)


@pytest.mark.long
def test_the_singular_vectors_follow_the_weights():
    """Over seeds 0 to 11 the estimate is at most 4e-4 off after the weights have moved by .59 of their size or more."""
    game = spectral_regularisation(plane(), 0.1)
    start = point_of(game).players["discriminator"]
    solver = Simultaneous(discriminator=SGD(0.1), generator=SGD(0.03))
    program = Program([Trial(game, solver)], [0])
    program.run(250)
    point = program.train_state(0).point
    term = game.terms["spectral_regularisation"]
    for index, layer in enumerate(term.layers):
        weight = point.players["discriminator"][f"{layer}.weight"]
        assert (weight - start[f"{layer}.weight"]).norm() > 0.3 * weight.norm()
        u = point.state[f"terms.spectral_regularisation.u{index}"]
        assert (weight.T @ u).norm().item() == pytest.approx(np.linalg.svd(weight.numpy())[1][0], rel=1e-2)


# zCR


def test_zcr_is_its_two_terms():
    plain, game = plane(), zcr(plane(), 2.0, 3.0, 0.1)
    batch = game.draw(Key(1))
    moved = game.generator(batch["latent"] + 0.1 * batch["noise"]["sample_terms.zcr"])
    fake = game.generator(batch["latent"])
    logits = (game.discriminator(fake) - game.discriminator(moved)).square().mean()
    bare = costs(plain, batch | {"noise": {}})
    assert costs(game, batch) == pytest.approx(
        [bare[0] + 2 * logits.item(), bare[1] - 3 * (fake - moved).square().mean().item()], rel=1e-4
    )


def test_with_bcr_it_is_icr():
    settings = resolve({}, {"technique": "zcr", "penalty": "bcr", "batch_size": 4, "latent": 2})
    program = Program([build_trial(settings, 0)], [0])
    program.run(2)
    assert all(torch.isfinite(v).all() for v in leaves(program.train_state(0)))


# Top-k


def test_the_generator_pays_for_the_k_best_alone():
    game = top_k(plane(), share=0.5, decay=0.9, epoch=2.0)
    logits = torch.tensor([[0.3], [2.0], [-1.0], [0.1], [5.0], [-3.0]])
    objective = game.objective
    for turn, count in ((0, 6), (1, 6), (2, 6), (4, 5), (6, 5), (8, 4), (10, 4), (12, 4), (14, 3), (100, 3)):
        objective.turns = torch.tensor(float(turn + 1))
        best = logits.sort(0, descending=True).values[:count]
        assert objective.generator(logits).item() == pytest.approx(NonSaturating().generator(best).item()), turn
    assert objective.discriminator(logits, -logits) == NonSaturating().discriminator(logits, -logits)
    logits.requires_grad_()
    (slope,) = torch.autograd.grad(objective.generator(logits), logits)
    assert (slope != 0).flatten().tolist() == [True, True, False, False, True, False]


def test_a_share_of_one_is_the_objective_and_turns_are_the_generators():
    plain, game = plane(), top_k(plane(), share=1.0)
    batch = plain.draw(Key(1))
    assert costs(game, batch) == pytest.approx(costs(plain, batch))
    problem, point = FunctionalGame(game), point_of(game)
    assert problem.gradient("generator", point, batch).state["objective.turns"] == 1
    assert problem.gradient("discriminator", point, batch).state.get("objective.turns", 0) == 0


# LOGAN


class Shift(nn.Module):
    """x = z + θ."""

    def __init__(self, theta):
        super().__init__()
        self.theta = nn.Parameter(torch.tensor([theta]))

    def forward(self, z):
        return z + self.theta


class Slope(nn.Module):
    """d(x) = ψ x."""

    def __init__(self, psi):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor([psi]))

    def forward(self, x):
        return self.psi * x


class Centred:
    """Data with mean 0, in pairs."""

    shape = (1,)

    def draw(self, key, count):
        half = key.normal(count // 2, 1)
        return {"real": torch.cat([half, -half])}


def shifting(theta=1.0, psi=1.0, **options) -> GAN:
    game = GAN(Shift(theta), Slope(psi), Wasserstein(), data=Centred(), latent=1, batch_size=4)
    if options:
        latent_optimisation(game, **options)
    return game


def matrix(game: GAN) -> np.ndarray:
    """As `field_matrix`, on latents with mean 0."""
    batch = game.draw(Key(0))
    return field_matrix(game, batch | {"latent": batch["real"]})


@pytest.mark.long
def test_a_step_in_the_latents_damps_a_game_that_only_turns():
    """x = z + θ, d = ψ x, Wasserstein: a gradient step z + αψ makes J_D = ψ(θ + αψ) − ψ·0, so J = [[0, −1], [1, 2α]].

    Its eigenvalues α ± √(α² − 1) have positive real parts: descent arrives, where without the step they are ± i.
    """
    assert np.allclose(np.linalg.eigvals(matrix(shifting())), [1j, -1j])
    options = {"step": "gradient", "rate": 0.3, "fraction": 1.0, "weight": 0.0}
    assert np.allclose(matrix(shifting(**options)), [[0, -1], [1, 0.6]], atol=1e-6)
    found = {}
    for name, game in (("plain", shifting()), ("logan", shifting(**options))):
        program = Program([Trial(game, Simultaneous(discriminator=SGD(0.05), generator=SGD(0.05)))], [0])
        program.run(400)
        players = program.train_state(0).point.players
        found[name] = math.hypot(players["generator"]["theta"].item(), players["discriminator"]["psi"].item())
    assert found["logan"] < 0.3 < 0.5 < found["plain"]


@pytest.mark.parametrize("step", ["gradient", "natural"])
def test_the_step_solves_its_linear_system(step):
    game = latent_optimisation(plane(), step, rate=0.7, damping=2.0, fraction=0.5, weight=0.4)
    z = torch.randn(6, 3, generator=generator(0)).requires_grad_()
    (slope,) = torch.autograd.grad(game.discriminator(game.generator(z)).sum(), z)
    moved, price = game.latent_step(game, z.detach())
    expected = z.detach().clone()
    for k in range(3):
        g = slope[k]
        system = torch.outer(g, g) + 2 * torch.eye(3)
        expected[k] += 0.7 * (torch.linalg.solve(system, g) if step == "natural" else g)
    assert torch.allclose(moved, expected, atol=1e-6)
    assert price.item() == pytest.approx(0.4 * (expected - z).square().sum(1).mean().item(), rel=1e-4)


def test_the_step_leaves_running_statistics_alone_and_uniform_latents_in_their_box():
    with seeded(0):
        normed = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    critic = MLPDiscriminator((2,), width=5)
    bare = GAN(copy.deepcopy(normed), copy.deepcopy(critic), data=Ring(), latent=3, batch_size=6)
    game = latent_optimisation(GAN(normed, critic, data=Ring(), latent=3, batch_size=6), rate=0.0)
    batch = bare.draw(Key(0))
    states = [FunctionalGame(g).gradient("generator", point_of(g), batch).state for g in (bare, game)]
    assert all(torch.equal(v, states[1][k]) for k, v in states[0].items())
    boxed = plane(latent_distribution="uniform")
    z = 2 * torch.rand(6, 3, generator=generator(0)) - 1
    moved, _ = latent_optimisation(boxed, "gradient", rate=100.0).latent_step(boxed, z)
    assert moved.abs().max() == 1


# Truncation


def test_truncated_latents_have_the_cut_normal_distribution():
    from scipy.stats import kstest, truncnorm

    game = truncation(plane(), 0.8)
    z = game.truncation(torch.randn(20_000, 1, generator=generator(0), dtype=torch.float64))[:, 0].numpy()
    assert kstest(z, truncnorm(-0.8, 0.8).cdf).pvalue > 0.01
    assert abs(z).max() <= 0.8
    loose = truncation(plane(), 6.0)
    z = torch.randn(100, 3, generator=generator(1))
    assert torch.allclose(loose.truncation(z), z, atol=1e-3)


def test_truncation_changes_samples_and_no_batch():
    plain, cut = plane(), truncation(plane(), 0.1)
    assert torch.equal(plain.draw(Key(3))["latent"], cut.draw(Key(3))["latent"])
    assert costs(plain) == costs(cut)
    wide, narrow = (game.sample(Key(5), 2000) for game in (plain, cut))
    assert narrow.std(0).max() < 0.2 * wide.std(0).min()


def test_samples_of_a_run_can_be_truncated(tmp_path):
    settings = {"data": "ring", "steps": 2, "stack": "off", "compile": "off", "threads": 1, "evaluation_samples": 10}
    open_session({**settings, "average": "ema"}, {}, tmp_path / "run").train()
    for name, more in (("all", []), ("typical", ["--truncation", "0.05"])):
        call = ["sample", str(tmp_path / "run"), "-n", "500", *more, "--out", str(tmp_path / f"{name}.npz")]
        assert CliRunner().invoke(app, call).exit_code == 0
    with np.load(tmp_path / "all.npz") as whole, np.load(tmp_path / "typical.npz") as cut:
        for kind in ("samples", "raw"):
            assert cut[kind].std(0).max() < 0.1 * whole[kind].std(0).min()


# All of them


IMAGES_ONLY = ("diff_augment", "ada")
SAMPLES = [name for name in TECHNIQUES if name not in ("none", "historical_averaging")]


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", SAMPLES)
def test_members_of_a_stack_are_their_solo_runs(name):
    """With a gradient penalty, so that techniques stand inside a second derivative; by descent, which is no ratio."""
    data = "digits" if name in IMAGES_ONLY else "ring"
    chosen = {"technique": name, "data": data, "penalty": "r1", "batch_size": 4, "latent": 2}
    chosen |= {"generator": "mlp", "discriminator": "mlp", "generator.width": 4, "discriminator.width": 4}
    chosen |= {"solver.generator": "sgd", "solver.discriminator": "sgd"}
    trials = [build_trial(resolve({}, chosen), seed) for seed in (0, 1)]
    stacked, solo = Program(trials, [0, 1], "stacked"), Program(trials, [0, 1], "looped")
    stacked.run(5)
    solo.run(5)
    for member in range(2):
        torch.testing.assert_close(
            stacked.train_state(member).point, solo.train_state(member).point, rtol=1e-3, atol=1e-5
        )


@pytest.mark.parametrize("name", SAMPLES)
def test_games_without_samples_are_refused(name):
    if name == "spectral_regularisation":
        with pytest.raises(ValueError, match="linear and convolutional layers"):
            TECHNIQUES[name](Bilinear())
    else:
        with pytest.raises(ValueError, match=f"{name} works on samples, and Bilinear has none"):
            TECHNIQUES[name](Bilinear())


@pytest.mark.parametrize("name", IMAGES_ONLY)
def test_points_in_the_plane_are_no_images(name):
    with pytest.raises(ValueError, match=rf"{name} changes images .*the data have the shape \(2,\)"):
        TECHNIQUES[name](plane())


def test_combinations_without_meaning_are_refused():
    with pytest.raises(ValueError, match="FeatureMatching has none; use an objective that is a mean"):
        top_k(plane(FeatureMatching()))
    for objective in ("relativistic", "cumulant", "joint_batch"):
        with pytest.raises(ValueError, match="keeps the costs of single generated samples"):
            top_k(plane(OBJECTIVES[objective]()))
    with pytest.raises(ValueError, match="ada needs the logits of real samples alone; JointBatch mixes them"):
        ada(pictures(OBJECTIVES["joint_batch"]()))
    with pytest.raises(ValueError, match="uniform ones have none"):
        truncation(plane(latent_distribution="uniform"))
    for technique in (zcr, latent_optimisation, spectral_regularisation):
        with pytest.raises(ValueError, match="already"):
            technique(technique(plane()))
    norm = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))
    with pytest.raises(ValueError, match=r"discriminator\.1 normalises over the batch.*nothing to divide by"):
        gradient_normalisation(GAN(nn.Linear(3, 2), norm, data=Ring(), latent=3))
    for technique in ("zcr", "latent_optimisation"):
        with pytest.raises(SettingError, match=f"{technique} needs one generator and one critic"):
            build_trial(resolve({}, {"game": "mixture", "technique": technique}), 0)
    wide = {"objective": "mmd_gaussian", "technique": "gradient_normalisation"}
    with pytest.raises(SettingError, match="needs one logit a sample"):
        build_trial(resolve({}, wide), 0)


def test_every_critic_of_a_mixture_is_wrapped():
    chosen = {"game": "mixture", "game.generators": 2, "game.discriminators": 2, "technique": "instance_noise"}
    game = build_trial(resolve({}, chosen), 0).game
    assert all(isinstance(network, AroundCritic) for network in list(game.discriminator.networks))
    assert len(game.draw(Key(0))["noise"]) == 2


def test_features_are_found_through_a_technique():
    game = instance_noise(plane(FeatureMatching()), 0.0)
    bare = plane(FeatureMatching())
    batch = game.draw(Key(1))
    assert costs(game, batch) == pytest.approx(costs(bare, batch | {"noise": {}}))


def test_a_part_of_a_batch_sees_the_first_noise():
    game = instance_noise(plane(penalty=LazyR1(interval=3, over="samples")), 0.5)
    assert all(math.isfinite(cost) for cost in costs(game))


LOGITS = [name for name in OBJECTIVES if OBJECTIVES[name]().outputs == 1]
"""Objectives of logits, not of features."""
ROWS = {"objective": LOGITS, "penalty": PENALTIES, "technique": TECHNIQUES}


class Alone(nn.Module):
    """A network whose logits are [batch] instead of [batch, 1]."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def features(self, x):
        return self.network.features(x)

    def forward(self, x):
        return self.network(x)[:, 0]


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind, rows in ROWS.items() for name in rows],
)
def test_every_row_takes_logits_of_both_shapes_and_gives_the_same(kind, name):
    found = []
    for shape in (lambda network: network, Alone):
        objective = OBJECTIVES[name]() if kind == "objective" else None
        penalty = PENALTIES[name]() if kind == "penalty" else None
        game = (pictures if name in ("diff_augment", "ada") else plane)(objective, penalty)
        game.discriminator = shape(game.discriminator)
        if kind == "technique":
            game = TECHNIQUES[name](game)
        problem, point, batch = FunctionalGame(game), point_of(game), game.draw(Key(1))
        batch["noise"] = tree_map(lambda v: 0.1 * v, batch["noise"])
        turns = [problem.gradient(who, point, batch) for who in game.players]
        found.append([v for turn in turns for v in (turn.cost, *leaves(turn.gradient))])
    assert len(found[0]) == len(found[1])
    for column, alone in zip(*found):
        torch.testing.assert_close(column, alone)


def crowd() -> Mixture:
    with seeded(0):
        return Mixture(
            lambda: MLPGenerator(3, (2,), width=5, depth=1),
            lambda: MLPDiscriminator((2,), width=5, depth=1),
            data=Ring(),
            latent=3,
            batch_size=6,
            generators=2,
            discriminators=2,
        )


@pytest.mark.long(first=True)
@pytest.mark.parametrize("first", TECHNIQUES)
@pytest.mark.parametrize("made", [plane, pictures, crowd])
def test_any_two_techniques_work_in_either_order_or_are_refused_by_name(made, first):
    for second in TECHNIQUES:
        game, refusal = made(), ""
        try:
            for name in (first, second):
                game = TECHNIQUES[name](game)
        except ValueError as error:
            refusal = str(error)
        if refusal:
            assert first in refusal or second in refusal, second
            continue
        problem, point, batch = FunctionalGame(game), point_of(game), game.draw(Key(1))
        for _ in range(2 if made is plane else 1):
            for who in game.players:
                turn = problem.gradient(who, point, batch)
                assert all(torch.isfinite(v).all() for v in (turn.cost, *leaves(turn.gradient), *leaves(turn.state)))
                point = point._replace(state={**point.state, **turn.state})
        assert game.sample(Key(2), 3).isfinite().all(), second


def test_singular_values_are_found_in_a_critic_that_was_wrapped_before_or_since():
    for made in (plane, crowd):
        bare = costs(spectral_regularisation(made()))[0]
        within = spectral_regularisation(gradient_normalisation(instance_noise(made(), 0.0)))
        around = gradient_normalisation(instance_noise(spectral_regularisation(made()), 0.0))
        assert within.terms["spectral_regularisation"].layers == around.terms["spectral_regularisation"].layers
        plain = costs(gradient_normalisation(instance_noise(made(), 0.0)))[0]
        price = bare - costs(made())[0]
        assert [costs(game)[0] - plain for game in (within, around)] == pytest.approx([price, price], rel=1e-3)


def test_alternating_play_works_with_every_technique_on_the_dirac_gan():
    for name in ("instance_noise", "gradient_normalisation", "zcr", "top_k", "latent_optimisation", "truncation"):
        trial = build_trial(resolve({}, {"game": "dirac", "technique": name}), 0)
        assert isinstance(trial.solver, Alternating)
        program = Program([trial], [0])
        program.run(3)
        assert all(torch.isfinite(v).all() for v in leaves(program.train_state(0).point))
