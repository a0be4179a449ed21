"""Objectives against arithmetic done by hand, numerical conjugates, explicit divergences and the authors' formulas."""

import itertools
import math
from functools import partial
from typing import get_args

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, tensor
from torch.autograd import gradcheck

from nashpath.core import generator
from nashpath.core.math.distances import squared_distances
from nashpath.core.math.transport import pot
from nashpath.data import Ring
from nashpath.games import GAN, OBJECTIVES
from nashpath.games.critics import CachedCritic
from nashpath.games.ideal import PopulationGame, Softmax
from nashpath.games.objectives import (
    FGAN,
    Cumulant,
    EnergyDistance,
    FeatureMatching,
    GaussianMMD,
    JointBatch,
    LabelSmoothing,
    LeastSquares,
    Minimax,
    NeuralNetDistance,
    NonSaturating,
    RationalQuadraticMMD,
    Relativistic,
    RelativisticAverage,
    ScaledMMD,
    Sinkhorn,
    Wasserstein,
)
from nashpath.games.objectives.cumulant import cumulant
from nashpath.games.objectives.f_gan import CONJUGATES, FDivergence
from nashpath.games.techniques import TopK

REAL, FAKE = tensor([0.5, -2.0]), tensor([1.0, 3.0])


def log_sigmoid(v: float) -> float:
    return math.log(1 / (1 + math.exp(-v)))


def two_by_two(x: tuple[float, float], y: tuple[float, float], rounds: int = 10) -> float:
    """Entropic transport between pairs of points of mass ½, ε = 1, by matrix scaling in plain Python."""
    cost = [[(a - b) ** 2 for b in y] for a in x]
    kernel = [[math.exp(-c) for c in row] for row in cost]
    u, v = [1.0, 1.0], [1.0, 1.0]
    for _ in range(rounds):
        u = [0.5 / sum(k * w for k, w in zip(row, v)) for row in kernel]
        v = [0.5 / sum(kernel[i][j] * u[i] for i in range(2)) for j in range(2)]
    return sum(u[i] * kernel[i][j] * v[j] * cost[i][j] for i in range(2) for j in range(2))


TRANSPORT = two_by_two((0.5, -2.0), (1.0, 3.0)) - sum(two_by_two(x, x) for x in ((0.5, -2.0), (1.0, 3.0))) / 2

# J_D and J_G at the logits above, term by term, in plain Python.
BY_HAND = {
    "minimax": (
        -(log_sigmoid(0.5) + log_sigmoid(-2)) / 2 - (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
        (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
    ),
    "non_saturating": (
        -(log_sigmoid(0.5) + log_sigmoid(-2)) / 2 - (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
        -(log_sigmoid(1) + log_sigmoid(3)) / 2,
    ),
    "wasserstein": (2.0 - (-0.75), -2.0),
    "least_squares": (0.5 * (0.25 + 9) / 2 + 0.5 * (1 + 9) / 2, 0.5 * (0 + 4) / 2),
    "hinge": ((0.5 + 3) / 2 + (2 + 4) / 2, -2.0),
    "relativistic": (
        -(log_sigmoid(0.5 - 1) + log_sigmoid(-2 - 3)) / 2,
        -(log_sigmoid(1 - 0.5) + log_sigmoid(3 + 2)) / 2,
    ),
    "relativistic_average": (  # means -0.75 and 2
        -(log_sigmoid(0.5 - 2) + log_sigmoid(-2 - 2)) / 2 - (log_sigmoid(-1 - 0.75) + log_sigmoid(-3 - 0.75)) / 2,
        -(log_sigmoid(1 + 0.75) + log_sigmoid(3 + 0.75)) / 2 - (log_sigmoid(-0.5 + 2) + log_sigmoid(2 + 2)) / 2,
    ),
    "cumulant": (
        2 * math.log((math.exp(-0.25) + math.exp(1)) / 2) + 2 * math.log((math.exp(0.5) + math.exp(1.5)) / 2),
        -2 * math.log((math.exp(0.5) + math.exp(1.5)) / 2),
    ),
    "scaled_mmd": tuple(  # of features alone: MMD²
        sign * (math.exp(-6.25 / 2) + math.exp(-2) - 0.5 * sum(math.exp(-d * d / 2) for d in (0.5, 2.5, 3.0, 5.0)))
        for sign in (-1, 1)
    ),
    "energy_distance": (-(2 * (0.5 + 2.5 + 3 + 5) / 4 - 2.5 - 2), 2 * (0.5 + 2.5 + 3 + 5) / 4 - 2.5 - 2),
    "sinkhorn": (-TRANSPORT, TRANSPORT),
    "feature_matching": (
        -(log_sigmoid(0.5) + log_sigmoid(-2)) / 2 - (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
        (-0.75 - 2.0) ** 2,
    ),
    "label_smoothing": (
        -(0.9 * (log_sigmoid(0.5) + log_sigmoid(-2)) + 0.1 * (log_sigmoid(-0.5) + log_sigmoid(2))) / 2
        - (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
        -(log_sigmoid(1) + log_sigmoid(3)) / 2,
    ),
    "joint_batch": (
        -(log_sigmoid(0.5) + log_sigmoid(-2)) / 2 - (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
        -(log_sigmoid(1) + log_sigmoid(3)) / 2,
    ),
    "neural_net_distance": (
        -(1 / (1 + math.exp(-0.5)) + 1 / (1 + math.exp(2))) / 2 - (1 / (1 + math.exp(1)) + 1 / (1 + math.exp(3))) / 2,
        (1 / (1 + math.exp(1)) + 1 / (1 + math.exp(3))) / 2,
    ),
    "mmd_gaussian": tuple(
        sign * sum(math.exp(-6.25 / 2 / s**2) + math.exp(-4 / 2 / s**2) - 0.5 * cross for s, cross in terms)
        for terms in [
            [
                (s, sum(math.exp(-d * d / 2 / s**2) for d in (0.5, 2.5, 3.0, 5.0)))
                for s in (2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
            ]
        ]
        for sign in (-1, 1)
    ),
    "mmd_rational_quadratic": tuple(
        sign
        * sum(
            (1 + 6.25 / 2 / a) ** -a
            + (1 + 4 / 2 / a) ** -a
            - 0.5 * sum((1 + d * d / 2 / a) ** -a for d in (0.5, 2.5, 3.0, 5.0))
            for a in (0.2, 0.5, 1.0, 2.0, 5.0)
        )
        for sign in (-1, 1)
    ),
    "f_gan": (
        -(log_sigmoid(0.5) + log_sigmoid(-2) + log_sigmoid(-1) + log_sigmoid(-3)) / 2 - 2 * math.log(2),
        (log_sigmoid(-1) + log_sigmoid(-3)) / 2 + math.log(2),
    ),
    "monoflow": (
        -(log_sigmoid(0.5) + log_sigmoid(-2)) / 2 - (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
        -2.0,
    ),
    "plug_in": (
        -(log_sigmoid(0.5) + log_sigmoid(-2)) / 2 - (log_sigmoid(-1) + log_sigmoid(-3)) / 2,
        -2.0,
    ),
}


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_costs_are_those_worked_out_by_hand(name):
    objective = OBJECTIVES[name]()
    discriminator, generator = BY_HAND[name]
    assert objective.discriminator(REAL, FAKE).item() == pytest.approx(discriminator, rel=1e-5)
    assert objective.generator(FAKE, REAL).item() == pytest.approx(generator, rel=1e-5)


@pytest.mark.unchecked("slow: many calls")
@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_first_and_second_derivatives_agree_with_finite_differences(name):
    objective = OBJECTIVES[name]().double()
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(3, 2, generator=generator, dtype=torch.float64).requires_grad_() for _ in range(2))
    assert gradcheck(objective.discriminator, (real, fake))
    assert gradcheck(lambda f: objective.generator(f, real.detach()), (fake,))
    assert torch.autograd.gradgradcheck(objective.discriminator, (real, fake))


# f of the paper's table, as a function of the ratio u = p/q.
F = {
    "kl": lambda u: u * np.log(u),
    "reverse_kl": lambda u: -np.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "hellinger": lambda u: (np.sqrt(u) - 1) ** 2,
    "js": lambda u: u * np.log(u) - (u + 1) * np.log((u + 1) / 2),
    "total_variation": lambda u: 0.5 * np.abs(u - 1),
}


@pytest.mark.parametrize("name", get_args(FDivergence))
def test_f_gan_uses_the_convex_conjugate(name):
    """``f*(t) = sup_u (u t − f(u))`` on a fine grid of u, at t = g(v)."""
    u = np.exp(np.linspace(-14, 14, 400_001))
    for v in (-1.5, -0.3, 0.0, 0.4, 1.2):
        raw = tensor(v, dtype=torch.float64)
        t = CONJUGATES[name].activation(raw).item()
        assert CONJUGATES[name].conjugate(raw).item() == pytest.approx(np.max(u * t - F[name](u)), abs=1e-5)


@pytest.mark.parametrize("name", get_args(FDivergence))
def test_the_value_of_the_f_gan_is_its_divergence(name):
    """Minimising J_D over all critics on four atoms gives −D_f(p‖q); the best output is where the docstring says."""
    p = tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    q = tensor([0.4, 0.1, 0.3, 0.2], dtype=torch.float64)
    ratio = p / q
    best = {
        "kl": 1 + ratio.log(),
        "reverse_kl": ratio.log(),
        "pearson": 2 * (ratio - 1),
        "hellinger": ratio.log() / 2,
        "js": ratio.log(),
        "total_variation": 50 * (ratio - 1),
    }[name]
    game = PopulationGame(Softmax(q.log()), p.log(), torch.arange(4.0), FGAN(name)).double()
    game.discriminator.value.data = best
    gradient = torch.autograd.grad(game("discriminator", {}), game.discriminator.value)[0]
    assert gradient.abs().max() < 1e-8  # log-masses are float32
    divergence = (q.numpy() * F[name](ratio.numpy())).sum()
    assert -game("discriminator", {}).item() == pytest.approx(divergence, rel=1e-6)
    assert game("generator", {}).item() == pytest.approx(-(q * CONJUGATES[name].conjugate(best)).sum().item())


def test_the_js_row_is_minimax_up_to_a_constant_and_its_alternative_is_non_saturating():
    js, shift = FGAN("js"), math.log(2)
    assert js.discriminator(REAL, FAKE).item() == pytest.approx(Minimax().discriminator(REAL, FAKE).item() - 2 * shift)
    alternative = FGAN("js", generator="alternative")
    assert alternative.generator(FAKE).item() == pytest.approx(NonSaturating().generator(FAKE).item() - shift)


@pytest.mark.parametrize("name", get_args(FDivergence))
def test_only_rows_marked_unbounded_overflow(name):
    objective, far = FGAN(name), tensor([1e4, -1e4])
    assert torch.isfinite(objective.discriminator(far, far)).item() == (not objective.unbounded)


def test_relativistic_refuses_to_pair_by_broadcasting():
    with pytest.raises(ValueError, match="as many real as generated"):
        Relativistic().discriminator(torch.zeros(4, 1), torch.zeros(4))
    with pytest.raises(ValueError, match="real: none"):
        Relativistic().generator(torch.zeros(4))


def test_neural_net_distance_spans_minimax_and_total_variation():
    log = NeuralNetDistance("log", delta=0.0)
    assert log.discriminator(REAL, FAKE).item() == pytest.approx(Minimax().discriminator(REAL, FAKE).item())
    assert log.generator(FAKE).item() == pytest.approx(Minimax().generator(FAKE).item())
    phi = NeuralNetDistance("log", delta=0.25).phi(tensor([1.3]))
    assert phi.item() == pytest.approx(math.log(0.25 + 0.75 / (1 + math.exp(-1.3))))
    p, q = tensor([0.1, 0.2, 0.7]), tensor([0.5, 0.2, 0.3])
    game = PopulationGame(Softmax(q.log()), p.log(), torch.arange(3.0), NeuralNetDistance("linear"))
    game.discriminator.value.data = 60 * (p - q)
    assert -game("discriminator", {}).item() - 1 == pytest.approx(0.4)


@pytest.mark.long
@pytest.mark.parametrize("delta", [0.0, 0.1, 1.0])
def test_the_log_measure_has_finite_second_derivatives_everywhere(delta):
    phi = NeuralNetDistance("log", delta=delta).phi
    slope = torch.func.vmap(torch.func.grad(torch.func.grad(phi)))(tensor([-1e4, -1.0, 0.0, 1.0, 1e4]))
    assert torch.isfinite(slope).all()


def loop_mmd(real: Tensor, fake: Tensor, kernel) -> float:
    def mean(pairs):
        values = [kernel((a - b).square().sum().item()) for a, b in pairs]
        return sum(values) / len(values)

    same = [[(x[i], x[j]) for i in range(len(x)) for j in range(len(x)) if i != j] for x in (real, fake)]
    return mean(same[0]) + mean(same[1]) - 2 * mean([(a, b) for a in real for b in fake])


@pytest.mark.parametrize(
    ("objective", "kernel"),
    [
        (GaussianMMD(3, (0.5, 2.0)), lambda s: math.exp(-s / 2 / 0.25) + math.exp(-s / 2 / 4)),
        (RationalQuadraticMMD(3, (0.5, 3.0)), lambda s: (1 + s / 1) ** -0.5 + (1 + s / 6) ** -3),
    ],
)
def test_mmd_is_the_mean_over_different_pairs(objective, kernel):
    generator = torch.Generator().manual_seed(1)
    real, fake = torch.randn(5, 3, generator=generator), 1 + torch.randn(7, 3, generator=generator)
    assert objective.generator(fake, real).item() == pytest.approx(loop_mmd(real, fake, kernel), rel=1e-4)
    assert objective.discriminator(real, fake) == -objective.generator(fake, real)
    with pytest.raises(ValueError, match="at least 2"):
        objective.discriminator(real[:1], fake)


@pytest.mark.unchecked("slow: many calls")
def test_the_gaussian_mmd_of_two_normals_has_its_closed_form():
    """E k(a, b) of N(m, 1) and N(m', 1) under bandwidth s is ``s/√(s²+2) · exp(−(m−m')²/(2(s²+2)))``.

    It has no bias, and varies by 10 % with a thousand samples each: by 2 % in the mean of 32.
    """
    generator = torch.Generator().manual_seed(2)
    real, fake = torch.randn(32, 1000, 1, generator=generator), 1 + torch.randn(32, 1000, 1, generator=generator)
    expected = 2 * 2 / math.sqrt(6) * (1 - math.exp(-1 / 12))
    found = [GaussianMMD(1, (2.0,)).generator(y, x).item() for x, y in zip(real, fake)]
    assert sum(found) / 32 == pytest.approx(expected, rel=0.1)


def test_distances_keep_their_digits_far_from_the_origin():
    generator = torch.Generator().manual_seed(3)
    x, y = torch.randn(6, 4, generator=generator), torch.randn(5, 4, generator=generator)
    near = torch.cdist(x.double(), y.double()).square()
    far = squared_distances(x + 1e4, y + 1e4)
    assert torch.allclose(far.double(), near, atol=0.02, rtol=1e-2)


def test_the_witness_of_mmd_is_the_difference_of_mean_kernels():
    objective, critic = GaussianMMD(2, (1.0,)), torch.nn.Linear(2, 2)
    real, fake, point = torch.randn(4, 2), torch.randn(3, 2), torch.randn(1, 2)
    towards = [
        sum(math.exp(-(critic(point[0]) - critic(x)).square().sum().item() / 2) for x in batch) / len(batch)
        for batch in (real, fake)
    ]
    witness = objective.witness(critic, real, fake)
    assert witness(point).item() == pytest.approx(towards[0] - towards[1], rel=1e-4, abs=1e-6)


def test_a_critic_is_asked_once_about_each_batch():
    asked = []
    critic = CachedCritic(lambda x: asked.append(1) or x.sum(1))
    real, fake = torch.ones(2, 2), torch.ones(2, 2)
    assert critic(real) is critic(real)
    critic(fake)
    assert len(asked) == 2


def test_energy_distance_is_that_of_scipy():
    """SciPy's compares each sample with itself too, and takes the root: the means over pairs differ by n/(n − 1)."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=40), 1 + 2 * rng.normal(size=30)
    within = [np.abs(v[:, None] - v).mean() for v in (x, y)]
    squared = stats.energy_distance(x, y) ** 2
    unbiased = squared + within[0] * (1 - 40 / 39) + within[1] * (1 - 30 / 29)
    real, fake = (torch.tensor(v)[:, None] for v in (x, y))
    assert EnergyDistance(1).generator(fake, real).item() == pytest.approx(unbiased, rel=1e-9)


def test_gradients_of_the_energy_distance_are_unbiased_and_those_of_w1_are_not():
    """Bellemare et al. 2017, Theorem 1 on Bernoulli: data B(0.6), model B(θ = 0.5), batches of 2, all batches counted.

    The expected gradient of the distance between batches is that between the distributions: D² = 2 (θ − θ*)².
    """
    true, theta = 0.6, torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    expected = {"energy": torch.zeros((), dtype=torch.float64), "w1": torch.zeros((), dtype=torch.float64)}
    for a, b, c, d in itertools.product((0.0, 1.0), repeat=4):
        real, fake = torch.tensor([[a], [b]]).double(), torch.tensor([[c], [d]]).double()
        masses = [true if v else 1 - true for v in (a, b)]
        chance = masses[0] * masses[1] * math.prod(theta if v else 1 - theta for v in (c, d))
        expected["energy"] = expected["energy"] + chance * EnergyDistance(1).generator(fake, real)
        expected["w1"] = expected["w1"] + chance * (real.sort(0).values - fake.sort(0).values).abs().mean()
    slopes = {name: torch.autograd.grad(value, theta, retain_graph=True)[0].item() for name, value in expected.items()}
    assert slopes["energy"] == pytest.approx(2 * 2 * (0.5 - true))
    assert abs(slopes["w1"] - (-1)) > 0.5  # d|θ − θ*|/dθ is −1


@pytest.mark.long(first=True)
@pytest.mark.unchecked("slow: many calls")
@pytest.mark.parametrize("epsilon", [0.3, 1.0, 30.0])
def test_sinkhorn_is_that_of_pot(epsilon):
    generator = torch.Generator().manual_seed(0)
    real = torch.randn(12, 3, generator=generator, dtype=torch.float64)
    fake = 0.5 + torch.randn(9, 3, generator=generator, dtype=torch.float64)
    ours = Sinkhorn(3, epsilon, iterations=max(50, int(600 / epsilon))).double()

    def pot_cost(x, y):
        weights = [np.full(len(v), 1 / len(v)) for v in (x, y)]
        cost = pot().dist(x.numpy(), y.numpy())
        return pot().sinkhorn2(*weights, cost, epsilon, method="sinkhorn_log", numItermax=5000, stopThr=1e-12)

    expected = pot_cost(real, fake) - pot_cost(real, real) / 2 - pot_cost(fake, fake) / 2
    found = ours.generator(fake, real)
    assert found.item() == pytest.approx(float(expected), rel=1e-6)
    assert ours.discriminator(real, fake) == -found


@pytest.mark.unchecked("slow: many calls")
def test_sinkhorn_lies_between_transport_and_means():
    """Genevay et al. 2018, Theorem 1: W₂² as ε → 0, ‖E x − E x̃‖² as ε → ∞ (the MMD of the kernel −‖a − b‖²/2)."""
    generator = torch.Generator().manual_seed(1)
    real, fake = torch.randn(8, 1, generator=generator).double(), 1 + torch.randn(8, 1, generator=generator).double()
    w2 = (real.sort(0).values - fake.sort(0).values).square().mean().item()
    assert Sinkhorn(1, 1e-3, 5000).double().generator(fake, real).item() == pytest.approx(w2, rel=1e-3)
    means = (real.mean() - fake.mean()).square().item()
    assert Sinkhorn(1, 1e6, 5).double().generator(fake, real).item() == pytest.approx(means, rel=1e-3)


@pytest.mark.long
def test_the_witness_of_sinkhorn_is_the_first_variation_of_its_dual():
    """The slope of the entropic dual in the weight of a sample is its potential, by POT's own potentials."""
    generator = torch.Generator().manual_seed(2)
    real, fake = (torch.randn(7, 2, generator=generator).double() for _ in range(2))
    ours = Sinkhorn(2, 1.0, 500).double()
    found = ours.witness(lambda x: x, real, fake)(real)
    duals = []
    for other in (fake, real):
        weights = np.full(7, 1 / 7)
        _, log = pot().sinkhorn(weights, weights, pot().dist(real.numpy(), other.numpy()), 1.0, log=True, stopThr=1e-14)
        duals.append(np.log(log["u"]))
    gap = duals[0] - duals[1]
    assert np.allclose(found.numpy() - found.numpy().mean(), gap - gap.mean(), atol=1e-8)


RENYI = {
    (0.0, 1.0): lambda p, q: (p * np.log(p / q)).sum(),
    (1.0, 0.0): lambda p, q: (q * np.log(q / p)).sum(),
    (0.5, 0.5): lambda p, q: -4 * np.log(np.sqrt(p * q).sum()),
    (1.0, 1.0): lambda p, q: -2 * np.log(np.sqrt(p * q).sum()),
    (0.25, 0.75): lambda p, q: -np.log((p**0.75 * q**0.25).sum()) / (0.25 * 0.75),
}
"""By β and γ, the divergence of p from q in closed form (Pantazis et al. 2022, Table I, and Rényi's for β + γ = 1)."""


@pytest.mark.parametrize("powers", RENYI, ids=str)
def test_the_value_of_the_cumulant_gan_is_its_divergence(powers):
    """Best logits over four atoms, of which a batch of ten holds exactly the right shares."""
    p, q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.1, 0.3, 0.2])
    logits = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    real, fake = ([k for k, mass in enumerate(masses) for _ in range(round(10 * mass))] for masses in (p, q))
    objective = Cumulant(*powers).double()
    search = torch.optim.LBFGS([logits], max_iter=200, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def cost():
        search.zero_grad()
        value = objective.discriminator(logits[real], logits[fake])
        value.backward()
        return value

    search.step(cost)
    assert -cost().item() == pytest.approx(RENYI[powers](p, q), rel=1e-8)
    best = np.log(p / q) / sum(powers)
    assert np.allclose(logits.detach() - logits.detach().mean(), best - best.mean(), atol=1e-5)


def test_cumulants_of_power_zero_are_means():
    plain, none = Wasserstein(), Cumulant(0.0, 0.0)
    assert none.discriminator(REAL, FAKE).item() == pytest.approx(plain.discriminator(REAL, FAKE).item())
    assert none.generator(FAKE).item() == plain.generator(FAKE).item()
    assert Cumulant(1e-3, 1e-3).generator(FAKE).item() == pytest.approx(-2.0 - 0.5e-3, abs=1e-4)


@pytest.mark.parametrize("count", [1, 10, 64, 1000])
@pytest.mark.parametrize("centre", [0.0, 1.0, -100.0])
def test_cumulants_are_exact_at_every_power(count, centre):
    """In 32 bits within a few roundings of the largest logit of what they are in 64 bits; the slopes are a softmax,
    within as few of an equal weight."""
    logits = (centre + torch.randn(count, generator=generator(count), dtype=torch.float32)).requires_grad_()
    v = logits.detach().double().numpy()
    for power in (1e-45, 1e-38, *10.0 ** np.arange(-30, 0, 3), 1e-5, 1e-4, 0.01, 0.1, 0.5, 1.0, 3.0, 30.0, 1e3, 1e5):
        value = cumulant(logits, tensor(power, dtype=torch.float32))
        (slopes,) = torch.autograd.grad(value, logits)
        exact = float(tensor(power, dtype=torch.float32))
        x = exact * (v - v.max())  # never above 0, so that nothing overflows
        mean = math.fsum(np.expm1(x)) / count
        truth = v.max() + math.log1p(mean) / exact if power > 1e-20 else v.mean()
        assert value.item() == pytest.approx(truth, abs=1e-6 * np.abs(v).max()), power
        weights = np.exp(x) / np.exp(x).sum()
        np.testing.assert_allclose(
            slopes.numpy(), weights, rtol=1e-6 * (1 + exact * np.ptp(v)), atol=1e-6 / count, err_msg=str(power)
        )


def released(real: np.ndarray, fake: np.ndarray, loss: str) -> tuple[float, float]:
    """Twice the costs of the authors' loop, as its lines are: cross-entropies, squares, hinges of gaps to means."""

    def entropy(logits, target):
        return float(np.mean(np.logaddexp(0, logits) - target * logits))

    to_fake, to_real = real - fake.mean(), fake - real.mean()
    return {
        "standard": (entropy(to_fake, 1) + entropy(to_real, 0), entropy(to_fake, 0) + entropy(to_real, 1)),
        "least_squares": (
            np.mean((to_fake - 1) ** 2) + np.mean((to_real + 1) ** 2),
            np.mean((to_fake + 1) ** 2) + np.mean((to_real - 1) ** 2),
        ),
        "hinge": (
            np.maximum(0, 1 - to_fake).mean() + np.maximum(0, 1 + to_real).mean(),
            np.maximum(0, 1 + to_fake).mean() + np.maximum(0, 1 - to_real).mean(),
        ),
    }[loss]


@pytest.mark.parametrize("loss", ["standard", "least_squares", "hinge"])
def test_relativistic_averages_are_the_authors(loss):
    rng = np.random.default_rng(3)
    real, fake = rng.normal(size=6), 1 + rng.normal(size=6)
    objective = RelativisticAverage(loss)
    found = (
        objective.discriminator(torch.tensor(real), torch.tensor(fake)),
        objective.generator(torch.tensor(fake), torch.tensor(real)),
    )
    assert [v.item() for v in found] == pytest.approx(released(real, fake, loss))
    shifted = objective.discriminator(torch.tensor(real) + 5, torch.tensor(fake) + 5)
    assert shifted.item() == pytest.approx(found[0].item())
    with pytest.raises(ValueError, match="logits of real samples too"):
        objective.generator(torch.tensor(fake))


BATCHWISE = [name for name in OBJECTIVES if OBJECTIVES[name]().batchwise]


def test_objectives_say_whether_they_price_whole_batches():
    """A batch costs the mean of its pairs exactly where the objective says so."""
    generator = torch.Generator().manual_seed(4)
    found = []
    for name in OBJECTIVES:
        objective = OBJECTIVES[name]()
        real, fake = (torch.randn(2, objective.outputs, generator=generator) for _ in range(2))
        if objective.outputs > 1:  # one sample alone is refused, or is its own batch
            found.append(name)
            continue
        whole = objective.generator(fake, real) + objective.discriminator(real, fake)
        pairs = [
            objective.generator(b[None], a[None]) + objective.discriminator(a[None], b[None])
            for a, b in (zip(real, fake) if name == "relativistic" else itertools.product(real, fake))
        ]
        if not torch.isclose(whole, torch.stack(pairs).mean(), atol=1e-5):
            found.append(name)
    assert sorted(found) == sorted(BATCHWISE)


@pytest.mark.parametrize("name", BATCHWISE)
def test_the_population_game_refuses_what_prices_whole_batches(name):
    with pytest.raises(ValueError, match="prices whole batches"):
        PopulationGame(Softmax(torch.zeros(3)), torch.zeros(3) - math.log(3), torch.arange(3.0), OBJECTIVES[name]())


def test_scaled_mmd_is_divided_by_the_jacobian_of_the_features():
    torch.manual_seed(0)
    critic = torch.nn.Sequential(torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3)).double()
    real, fake = torch.randn(6, 2).double(), torch.randn(6, 2).double()
    objective = ScaledMMD(3, bandwidth=0.7, regulariser=0.2).double()
    jacobians = [torch.autograd.functional.jacobian(critic, x) for x in real]
    divisor = 1.2 + sum(j.square().sum() for j in jacobians).item() / 6 / 0.49
    square = loop_mmd(critic(real), critic(fake), lambda s: math.exp(-s / 2 / 0.49))
    assert objective("generator", critic, real, fake).item() == pytest.approx(square / divisor, rel=1e-6)
    assert objective("discriminator", critic, real, fake).item() == pytest.approx(-square / divisor, rel=1e-6)


@pytest.mark.unchecked("slow: many calls")
@pytest.mark.parametrize("distance", [0.1, 0.01, 0.001])
def test_scaled_mmd_goes_to_zero_with_the_distance_and_mmd_does_not(distance):
    """Arbel et al. 2018, Example 1: data at 0, model at θ, features ψ x, the best ψ of many: below θ², against 2."""
    real, fake = torch.zeros(2, 1).double(), torch.full((2, 1), distance).double()
    values = {"scaled": [], "plain": []}
    for psi in np.logspace(-2, 5, 300):
        for name, objective in (("scaled", ScaledMMD(1, regulariser=0.0)), ("plain", GaussianMMD(1, (1.0,)))):
            values[name].append(objective.double()("generator", lambda x, psi=psi: psi * x, real, fake).item())
    assert 0.9 * distance**2 < max(values["scaled"]) < distance**2
    assert max(values["plain"]) == pytest.approx(2, rel=1e-6)


def test_a_critic_that_normalises_over_the_batch_has_no_slope_to_divide_by():
    critic = torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 16))
    with pytest.raises(ValueError, match=r"a gradient of the objective has no meaning.*use layer or spectral"):
        GAN(torch.nn.Linear(3, 2), critic, ScaledMMD(), data=Ring(), latent=3)


VARIANTS = {
    **{name: OBJECTIVES[name] for name in OBJECTIVES if OBJECTIVES[name]().outputs == 1},
    **{f"f_gan {name}": partial(FGAN, name) for name in CONJUGATES},
    "label_smoothing 0.75, 0.25": partial(LabelSmoothing, 0.75, 0.25),
    "joint_batch of least_squares": lambda: JointBatch(LeastSquares()),
    "feature_matching of wasserstein": lambda: FeatureMatching(objective=Wasserstein()),
    "top_k of least_squares": lambda: TopK(LeastSquares(), 0.5, 0.9, 10.0),
}


@pytest.mark.parametrize("name", list(VARIANTS))
def test_a_discriminator_is_undecided_where_equal_samples_cost_least_or_nowhere(name):
    """None exactly where a constant in d is free; else no constant is a better answer to p = q."""
    objective = VARIANTS[name]().double()
    real, fake = (torch.randn(16, 1, generator=generator(k), dtype=torch.float64) for k in (0, 1))
    free = torch.isclose(objective.discriminator(real + 1, fake + 1), objective.discriminator(real, fake), rtol=1e-9)
    assert (objective.undecided is None) == bool(free)
    if objective.undecided is None:
        return

    def cost(logit):
        equal = torch.full((4, 1), float(logit), dtype=torch.float64)
        return objective.discriminator(equal, equal).item()

    least = cost(objective.undecided)
    for other in np.linspace(-3, 3, 121):
        assert least <= cost(other) + 1e-12
