"""Particle flows against closed forms, finite differences, plain loops and their own stacks."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.func import grad, jacrev, stack_module_state, vmap

from nashpath.core import Key, generator, seeded
from nashpath.core.math import kernel as kernels
from nashpath.core.math.mmd import gaussian_mmd
from nashpath.core.math.monotone import MONOTONES, MonotoneFunction
from nashpath.core.math.transport import wasserstein
from nashpath.core.tree import tree_map
from nashpath.data import Gaussian, Ring, Samples
from nashpath.flows import (
    SVGD,
    DensityRatio,
    DiscriminatorRatio,
    Euler,
    KDERatio,
    Langevin,
    MMDFlow,
    MonoFlow,
    TorchDiffEq,
    euler,
    exact_score,
    longest_step,
    score_of,
    simulate,
    smoothed_kl,
)
from nashpath.networks import MLPDiscriminator
from nashpath.solvers import Adam

MEAN = torch.tensor([1.0, -0.5], dtype=torch.float64)
COVARIANCE = torch.tensor([[1.0, 0.8], [0.8, 0.89]], dtype=torch.float64)
TARGET = torch.distributions.MultivariateNormal(MEAN, COVARIANCE)
START = torch.distributions.MultivariateNormal(torch.tensor([-1.0, 1.0]).double(), 0.5 * torch.eye(2).double())


def cloud(count, seed=0, dtype=torch.float64):
    return torch.randn(count, 2, generator=generator(seed), dtype=dtype)


def moments(x):
    away = x - x.mean(0)
    return x.mean(0), away.mT @ away / len(x)


def flowed(mean, covariance, time):
    """Closed form of the reverse-KL flow between Gaussians: the law of an Ornstein-Uhlenbeck process."""
    decay = torch.linalg.matrix_exp(-time * torch.linalg.inv(COVARIANCE))
    return MEAN + decay @ (mean - MEAN), COVARIANCE + decay @ (covariance - COVARIANCE) @ decay.mT


@pytest.mark.long
def test_reverse_kl_flow_between_gaussians_is_the_closed_form():
    x = cloud(200) * 0.7 + torch.tensor([-1.0, 1.0])
    flow = MonoFlow(DensityRatio(TARGET.log_prob))
    expected = flowed(*moments(x), 0.5)
    solved = TorchDiffEq(0.5, rtol=1e-9, atol=1e-9).double().step(flow, x, {}).particles
    torch.testing.assert_close(moments(solved), expected, rtol=1e-6, atol=1e-6)
    errors = []
    for steps in (50, 100, 200):
        y = x
        for _ in range(steps):
            y = euler(flow, y, {}, 0.5 / steps)
        errors.append(float((moments(y)[1] - expected[1]).norm()))
    assert [a / b for a, b in itertools.pairwise(errors)] == pytest.approx([2, 2], rel=0.1)


@pytest.mark.parametrize("name", MONOTONES)
def test_dissipation_of_kl_is_minus_the_weighted_squared_slope(name):
    """In the mean over particles, up to four standard errors of it; they start wide, so that no ratio is unbounded."""
    start = torch.distributions.MultivariateNormal(START.mean, 4 * torch.eye(2).double())
    x = 2 * cloud(4000) + start.mean
    h = MonotoneFunction(name).double()
    flow = MonoFlow(DensityRatio(TARGET.log_prob, lambda particles: start.log_prob), h)

    def velocity(point):
        return grad(lambda y: h(TARGET.log_prob(y) - start.log_prob(y)))(point)

    def kl_of_pushed(time, point):
        stretch = torch.linalg.slogdet(torch.eye(2) + time * jacrev(velocity)(point))[1]
        return start.log_prob(point) - stretch - TARGET.log_prob(point + time * velocity(point))

    rates = vmap(grad(kl_of_pushed), (None, 0))(torch.zeros((), dtype=torch.float64), x)
    d, slope = flow.ratio.log_ratio(x, x, {})
    terms = h.slope(d) * slope.square().sum(1)
    torch.testing.assert_close(flow.field(x, x, {}).dissipation, terms.mean())
    gap = rates + terms
    assert abs(gap.mean()) < 4 * gap.std() / math.sqrt(len(x))
    assert rates.mean() < 0


def test_a_user_may_stack_flows_of_different_shift():
    x = cloud(3 * 20, 1, torch.float32).reshape(3, 20, 2)
    target = Gaussian().log_density
    flows = [MonoFlow(DensityRatio(target), MonotoneFunction("shifted_vanilla", c)) for c in (-2.0, 0.0, 5.0)]
    _, numbers = stack_module_state(flows)

    def one(numbers, x):
        return torch.func.functional_call(Stepped(flows[0]), {f"flow.{k}": v for k, v in numbers.items()}, (x,))

    together = vmap(one)(numbers, x)
    for member, flow in enumerate(flows):
        torch.testing.assert_close(together[member], euler(flow, x[member], {}, 0.1), rtol=1e-5, atol=1e-6)


class Stepped(torch.nn.Module):
    def __init__(self, flow):
        super().__init__()
        self.flow = flow

    def forward(self, x):
        return euler(self.flow, x, {}, 0.1)


def families():
    """Every flow over every ratio, small."""
    data = Ring()
    net = MLPDiscriminator((2,), width=8)
    known = exact_score(data.log_density)
    return {
        "discriminator": MonoFlow(
            DiscriminatorRatio(net, Adam(1e-2), data, warm_up=10, batch=16), MonotoneFunction("arcsinh")
        ),
        "kde": MonoFlow(KDERatio(data, 0.5, 30), MonotoneFunction("vanilla")),
        "density": MonoFlow(DensityRatio(data.log_density)),
        "mmd": MMDFlow(data, 0.7, 30),
        "svgd": SVGD(known),
        "langevin": Langevin(known),
    }


@pytest.mark.parametrize("name", families())
def test_stacked_is_solo(name):
    with seeded(0):
        flow = families()[name]
    members = []
    for seed in range(3):
        key, x = Key(seed), cloud(25, 10 + seed, torch.float32)
        members.append((x, flow.init(x, key), flow.draw(key, len(x)), cloud(25, 20 + seed, torch.float32)))

    @torch.no_grad()
    def step(x, memory, batch, noise):
        memory = flow.learn(x, memory, batch)
        return euler(flow, x, memory, 1e-3, noise if flow.noisy else None), memory

    together = vmap(step)(*tree_map(lambda *leaves: torch.stack(leaves), *members))
    for index, member in enumerate(members):
        moved, memory = step(*member)
        torch.testing.assert_close(together[0][index], moved, rtol=1e-4, atol=1e-5)
        own = tree_map(lambda v, index=index: v[index], together[1])
        torch.testing.assert_close(own, memory, rtol=1e-4, atol=1e-5)
        assert not torch.equal(moved, member[0])


def test_kde_ratio_is_the_gradient_of_its_log_ratio():
    flow = KDERatio(Samples(cloud(40, 3).float()), 0.4, 40).double()
    x, memory = cloud(30), {"real": cloud(40, 3)}

    def log_mean(points, centres):
        return torch.logsumexp(-torch.cdist(points, centres).square() / (2 * 0.16), 1) - math.log(len(centres))

    d, slope = flow.log_ratio(x, x, memory)
    torch.testing.assert_close(d, log_mean(x, memory["real"]) - log_mean(x, x), rtol=1e-6, atol=1e-7)
    autograd = grad(lambda y: (log_mean(y, memory["real"]) - log_mean(y, x)).sum())(x + 1e-9)
    torch.testing.assert_close(slope, autograd, rtol=1e-5, atol=1e-6)


def test_mmd_flow_descends_half_mmd_squared():
    flow = MMDFlow(Samples(cloud(40, 3).float()), 0.6, 40).double()
    x, real = cloud(30), cloud(40, 3) + 1

    def half(x):
        def mean(a, b):
            return torch.exp(-(a[:, None] - b).square().sum(-1) / (2 * 0.36)).mean()

        return (mean(x, x) + mean(real, real)) / 2 - mean(x, real)

    field = flow.field(x, x, {"real": real})
    torch.testing.assert_close(field.velocity, -len(x) * grad(half)(x), rtol=1e-6, atol=1e-8)
    moved = flow.field(x + 1e-5 * field.velocity, x + 1e-5 * field.velocity, {"real": real})
    assert float(field.divergence - moved.divergence) / 1e-5 == pytest.approx(float(field.dissipation), rel=1e-3)


def test_svgd_is_the_plain_double_loop():
    x, score = cloud(12), exact_score(TARGET.log_prob)
    s = 0.8
    velocity = SVGD(score, s).double().field(x, x, {}).velocity
    expected = torch.zeros_like(x)
    for i in range(12):
        for j in range(12):
            k = math.exp(-float((x[j] - x[i]).square().sum()) / (2 * s * s))
            expected[i] += (k * (-torch.linalg.inv(COVARIANCE) @ (x[j] - MEAN)) + k * (x[i] - x[j]) / s**2) / 12
    torch.testing.assert_close(velocity, expected)


def test_langevin_settles_at_the_law_of_its_own_discretisation():
    size, precision = 0.2, torch.linalg.inv(COVARIANCE)
    flow, rng = Langevin(exact_score(TARGET.log_prob)), generator(0)
    assert longest_step(flow.score, cloud(20), Key(0)) == pytest.approx(
        1 / float(torch.linalg.norm(precision, 2)), rel=0.1
    )
    x = cloud(4000)
    for _ in range(80):
        x = euler(flow, x, {}, size, torch.randn(x.shape, generator=rng, dtype=x.dtype))
    stationary = torch.linalg.inv(precision - size / 2 * precision @ precision)
    mean, covariance = moments(x)
    torch.testing.assert_close(mean, MEAN, rtol=0, atol=0.12)
    torch.testing.assert_close(covariance, stationary, rtol=0, atol=0.25 * float(stationary.norm()))


def test_overshoot_is_reported_with_a_step_that_does_not():
    x, flow = cloud(100), MonoFlow(DensityRatio(TARGET.log_prob))

    def kl(size):
        return float(flow.field(*[euler(flow, x, {}, size)] * 2, {}).divergence)

    before = float(flow.field(x, x, {}).divergence)
    assert kl(8.0) > before
    for control in ("report", "shrink"):
        stride = Euler(8.0, reach=1e6, control=control).step(flow, x, {})
        said = stride.overshoot
        assert said is not None
        assert (said.before, said.after) == pytest.approx((before, kl(8.0)))
        assert kl(said.safe) <= before < kl(2 * said.safe)
        assert stride.size == pytest.approx(8.0 if control == "report" else said.safe)
        assert f"a step of {said.safe:.3g} does not" in str(said)
    assert Euler(8.0, reach=1e6, control="off").step(flow, x, {}).overshoot is None
    assert Euler(1e-3).step(flow, x, {}).overshoot is None


def test_reach_bounds_every_move_and_keeps_its_direction():
    x, flow = cloud(50), MonoFlow(DensityRatio(TARGET.log_prob))
    stride = Euler(0.1, reach=0.05, control="off").step(flow, x, {})
    moves, wanted = stride.particles - x, stride.field.velocity
    assert moves.norm(dim=1).max() <= 0.05 * (1 + 1e-6)
    torch.testing.assert_close(torch.cosine_similarity(moves, wanted), torch.ones(50).double())
    assert stride.held == pytest.approx(float((0.1 * wanted.norm(dim=1) > 0.05).double().mean()))


@pytest.mark.parametrize("name", MONOTONES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_reach_bounds_moves_where_a_slope_leaves_the_numbers(name, dtype):
    """Particles 1 to 60 deviations away, on both sides: d is up to 1,800, and exp(d) is infinite."""
    far = torch.tensor([1.0, 3.0, 10.0, 60.0], dtype=dtype)
    x = torch.stack([torch.cat([far, -far]), torch.zeros(8, dtype=dtype)], 1)

    def towards(centre):
        return lambda x: -0.5 * (x - centre).square().sum(1)

    for target, own in ((0.0, x), (x, 0.0)):  # d far above 0, and far below
        ratio = DensityRatio(towards(target), lambda particles, own=own: towards(own))
        flow = MonoFlow(ratio, MonotoneFunction(name))
        stride = Euler(0.1, reach=0.2, control="off").step(flow, x, {})
        moves, (d, gradient) = stride.particles - x, ratio.log_ratio(x, x, {})
        assert moves.isfinite().all()
        assert moves.norm(dim=1).max() <= 0.2 * (1 + 1e-5)
        steep = flow.h.slope(d) * gradient.norm(dim=1) > 1e3
        torch.testing.assert_close(moves[steep], 0.2 * torch.nn.functional.normalize(gradient[steep]))


MORE_OF_THEM = pytest.mark.thorough(
    "every h is followed in test_flows_run; of these some have slopes that vanish, some not"
)


@pytest.mark.long
@pytest.mark.parametrize(
    "monotone",
    [
        "logit",
        "vanilla",
        *(pytest.param(h, marks=MORE_OF_THEM) for h in ("non_saturating", "arcsinh", "shifted_vanilla")),
    ],
)
def test_discriminator_flow_reaches_the_ring_and_a_decreasing_h_flees(monotone):
    data = Ring()
    real = data.draw(Key(0), 400)["real"]
    x = cloud(512, 1, torch.float32)
    with seeded(0):
        net = MLPDiscriminator((2,), width=32)
    ends = []
    for sign in (1, -1):
        h = Signed(monotone, sign)
        flow = MonoFlow(DiscriminatorRatio(net, Adam(2e-3), data, refresh=3, warm_up=60, batch=128), h)
        *_, last = simulate(flow, x, Key(2), Euler(0.1, control="off"), 60)
        ends.append(gaussian_mmd(last.particles, real, 0.5)[0])
    begun = gaussian_mmd(x, real, 0.5)[0]
    assert ends[0] < 0.5 * begun < begun < ends[1]


class Signed(MonotoneFunction):
    def __init__(self, name, sign):
        super().__init__(name)
        self.sign = sign

    def slope(self, d):
        return self.sign * super().slope(d)


@pytest.mark.long
def test_discriminator_learns_the_exact_log_ratio():
    data = Gaussian(1.0, 1.0, 0.0)
    x = cloud(4000, 1, torch.float32) + torch.tensor([1.0, 0.0])
    with seeded(0):
        ratio = DiscriminatorRatio(MLPDiscriminator((2,), width=32), Adam(3e-3), data, warm_up=500, batch=256)
    d, slope = ratio.log_ratio(x[:500], x, ratio.init(x, Key(0)))
    exact = 0.5 - x[:500, 0]
    assert (d - exact).abs().mean() < 0.2
    assert (slope.mean(0) - torch.tensor([-1.0, 0.0])).abs().max() < 0.2


def test_blocks_of_rows_change_nothing(monkeypatch):
    x, centres = cloud(50), cloud(70, 1)
    whole = [kernels.kernel_mean(x, centres, centres, 0.5), *kernels.kernel_density(x, centres, 0.5)]
    monkeypatch.setattr(kernels, "BLOCK_BYTES", 4 * 70 * 7)
    blocks = [kernels.kernel_mean(x, centres, centres, 0.5), *kernels.kernel_density(x, centres, 0.5)]
    torch.testing.assert_close(blocks, whole)


@pytest.mark.long
def test_estimates_against_closed_forms():
    """Over 16 pairs of clouds they vary by .04, .05, .009 and .0005; the two in the middle are means of six."""
    rng, s = generator(0), 0.8
    x, y = torch.randn(6, 1500, 2, generator=rng), torch.randn(6, 1500, 2, generator=rng) + torch.tensor([1.5, 0.0])
    assert wasserstein(x[0], y[0], power=2) == pytest.approx(1.5, abs=0.15)
    smoothed = sum(float(smoothed_kl(*pair, 0.5)) for pair in zip(x, y)) / 6
    assert smoothed == pytest.approx(1.5**2 / 2 / 1.25, abs=0.12)
    closed = 2 * s * s / (2 + s * s) * (1 - math.exp(-(1.5**2) / (2 * (2 + s * s))))
    assert sum(float(gaussian_mmd(*pair, s)[0]) for pair in zip(x, y)) / 6 == pytest.approx(closed, abs=0.02)
    assert abs(float(gaussian_mmd(x[0], x[1], s)[0])) < 0.005


def test_score_of_data_without_density_is_that_of_its_samples():
    """With 20,000 samples the largest error is .03 to .16 over 16 seeds."""
    rng = generator(0)
    rough = score_of(Samples(torch.randn(20_000, 2, generator=rng)), Key(0), 20_000, 0.3)
    at = torch.tensor([[0.5, -0.5], [0.0, 1.0]])
    torch.testing.assert_close(rough(at), -at / 1.09, rtol=0, atol=0.3)
    torch.testing.assert_close(score_of(Gaussian(), Key(0))(at), -at @ torch.linalg.inv(Gaussian().covariance))


def test_particles_that_leave_the_finite_numbers_end_the_flow():
    flow = MonoFlow(DensityRatio(lambda x: -x.square().sum(1) / 2))
    states = list(simulate(flow, cloud(20, 0, torch.float32), Key(0), Euler(1e9, 1e38, "off"), 50))
    assert 1 < len(states) < 51
    assert all(torch.isfinite(state.particles).all() for state in states)


def test_torchdiffeq_refuses_noise_and_unknown_methods():
    with pytest.raises(ValueError, match="stochastic"):
        TorchDiffEq(0.1).step(Langevin(exact_score(TARGET.log_prob)), cloud(5), {})
    with pytest.raises(ValueError, match="dopri"):
        TorchDiffEq(0.1, "rk45").step(MonoFlow(DensityRatio(TARGET.log_prob)), cloud(5), {})


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_svgd_of_few_particles_takes_the_median_of_its_authors(count):
    """NumPy's, of all pairs, each with itself among them; one particle climbs its score alone."""
    x, score = cloud(count), exact_score(TARGET.log_prob)
    squares = np.median((x[:, None] - x).square().sum(-1).numpy())
    width = math.sqrt(0.5 * squares / math.log(count + 1)) or 1.0
    velocity = SVGD(score).double().field(x, x, {}).velocity
    torch.testing.assert_close(velocity, SVGD(score, width).double().field(x, x, {}).velocity)
    if count == 1:
        torch.testing.assert_close(velocity, score(x))


def test_svgd_of_particles_in_one_place_moves_them_on():
    score = exact_score(TARGET.log_prob)
    for x in (torch.ones(10, 2, dtype=torch.float64), torch.cat([torch.ones(8, 2), torch.eye(2)]).double()):
        assert torch.isfinite(SVGD(score).double().field(x, x, {}).velocity).all()


@pytest.mark.parametrize(("dimensions", "count"), [(1, 4000), (2, 4000), (64, 200)])
def test_langevin_settles_where_unadjusted_langevin_does(dimensions, count):
    """On N(0, I) with steps of ε the variance is 1 / (1 − ε/2), in any dimension; within five standard errors."""
    x = torch.randn(count, dimensions, generator=torch.Generator().manual_seed(0))
    *_, last = simulate(Langevin(lambda x: -x), x, Key(0), Euler(step_size=0.2), steps=60)
    expected = 1 / (1 - 0.2 / 2)
    assert last.held == 0
    assert float(last.particles.var()) == pytest.approx(
        expected, abs=5 * expected * math.sqrt(2 / (count * dimensions))
    )
