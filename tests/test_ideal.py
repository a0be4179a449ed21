"""Idealised games against SciPy, closed forms of Gaussians, and the theorems."""

import math

import numpy as np
import pytest
import scipy.spatial.distance
import scipy.special
import scipy.stats
import torch
from torch.func import grad

from nashpath.core import FunctionalGame, load_point, point_of
from nashpath.core.math.f_divergences import js_of_masses, kl_of_masses, total_variation_of_masses
from nashpath.core.math.mmd import mmd_of_masses
from nashpath.core.math.transport import wasserstein_of_masses
from nashpath.games import GAMES
from nashpath.games.ideal import Ideal, IdealGaussian, PopulationGame, Softmax
from nashpath.games.objectives import GaussianMMD, Minimax, NonSaturating, Relativistic, Wasserstein
from nashpath.solvers import SGD, Alternating

DOUBLE = torch.float64


def masses(seed, count=7):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(count)), rng.dirichlet(np.ones(count)), rng.normal(size=count)


def between(p, q, objective=None):
    p, q = torch.as_tensor(p), torch.as_tensor(q)
    return PopulationGame(Softmax(q.log()), p.log(), torch.arange(float(len(p))), objective).double()


@pytest.mark.parametrize("seed", range(4))
def test_divergences_agree_with_scipy(seed):
    p, q, x = masses(seed)
    tp, tq, tx = (torch.as_tensor(v) for v in (p, q, x))
    assert kl_of_masses(tp, tq).item() == pytest.approx(scipy.special.rel_entr(p, q).sum())
    assert js_of_masses(tp, tq).item() == pytest.approx(scipy.spatial.distance.jensenshannon(p, q) ** 2)
    assert total_variation_of_masses(tp, tq).item() == pytest.approx(0.5 * np.abs(p - q).sum())
    earth = scipy.stats.wasserstein_distance(x, x, p, q)
    assert wasserstein_of_masses(tp, tq, tx).item() == pytest.approx(earth)
    assert wasserstein_of_masses(tp, tq, tx[:, None]).item() == pytest.approx(earth)
    kernel = np.exp(-((x[:, None] - x) ** 2) / 2 / 0.49)
    assert mmd_of_masses(tp, tq, tx, 0.7).item() == pytest.approx((p - q) @ kernel @ (p - q))


def test_disjoint_supports_saturate_every_divergence_but_the_earth_movers():
    p, q = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 0.0, 1.0])
    assert js_of_masses(p, q).item() == pytest.approx(math.log(2))
    assert kl_of_masses(p, q) == math.inf
    assert total_variation_of_masses(p, q) == 1
    for offset in (0.5, 3.0):
        assert wasserstein_of_masses(p, q, torch.tensor([0.0, 0.1, offset])).item() == pytest.approx(offset)


def test_gaussian_divergences_have_their_closed_forms():
    found = IdealGaussian(mean=1.5, deviation=0.5).double().divergences()
    assert found["kl"] == pytest.approx(math.log(0.5) + (1 + 1.5**2) / (2 * 0.25) - 0.5, rel=1e-5)
    assert found["reverse_kl"] == pytest.approx(-math.log(0.5) + (0.25 + 1.5**2) / 2 - 0.5, rel=1e-5)
    shifted = IdealGaussian(mean=2.0).double().divergences()
    assert shifted["wasserstein"] == pytest.approx(2.0, rel=1e-5)
    assert shifted["total_variation"] == pytest.approx(2 * scipy.stats.norm.cdf(1) - 1, abs=1e-3)
    mmd = 2 / math.sqrt(3) * (1 - math.exp(-4 / 6))
    assert shifted["mmd"] ** 2 == pytest.approx(mmd, rel=1e-4)


@pytest.mark.parametrize(("mean", "value"), [(0.0, -1.386294), (1.0, -1.163451), (3.0, -0.332740)])
def test_the_value_at_the_best_discriminator_by_quadrature(mean, value):
    game = IdealGaussian(mean=mean).double()
    assert game.value(game.best_response()).item() == pytest.approx(value, abs=2e-6)


@pytest.mark.parametrize("seed", range(3))
def test_goodfellows_theorem(seed):
    """``V(q, D*) = −log 4 + 2 JS``, D* is stationary, and no other discriminator does better."""
    p, q, x = masses(seed)
    game = between(p, q)
    best = game.best_response().detach()
    js = scipy.spatial.distance.jensenshannon(p, q) ** 2
    assert game.value(best).item() == pytest.approx(-math.log(4) + 2 * js)
    assert torch.allclose(torch.sigmoid(best), torch.as_tensor(p / (p + q)))
    assert grad(game.value)(best).abs().max() < 1e-12
    assert game.value(best + 0.1 * torch.as_tensor(x)) < game.value(best)
    assert -game("discriminator", {}).item() == pytest.approx(game.value().item())


@pytest.mark.parametrize(("mean", "slope"), [(0.5, 0.26474), (1.0, 0.60203), (2.0, 1.55040)])
def test_the_non_saturating_identity(mean, slope):
    """With D held at its best, ∇J_G is that of KL(q‖p) − 2 JS(p‖q), in every parameter of the generator."""
    game = IdealGaussian(NonSaturating(), mean=mean, deviation=0.8 if mean == 0.5 else 1.0).double()
    game.discriminator.value.data = game.best_response().detach()
    parameters = tuple(game.generator.parameters())
    held = torch.autograd.grad(game("generator", {}), parameters)
    p, q = game.data(), game.model()
    through = torch.autograd.grad(kl_of_masses(q, p) - 2 * js_of_masses(p, q), parameters)
    assert all(torch.allclose(a, b, atol=1e-9) for a, b in zip(held, through))
    if mean != 0.5:
        assert held[0].item() == pytest.approx(slope, abs=2e-5)


def test_the_saturating_gradient_is_that_of_twice_js_and_vanishes_far_away():
    game = IdealGaussian(Minimax(), mean=2.0).double()
    game.discriminator.value.data = game.best_response().detach()
    held = torch.autograd.grad(game("generator", {}), game.generator.mean)[0]
    through = torch.autograd.grad(2 * js_of_masses(game.data(), game.model()), game.generator.mean)[0]
    assert held.item() == pytest.approx(through.item(), rel=1e-9)
    slopes = []
    for objective in (Minimax(), NonSaturating()):
        far = IdealGaussian(objective, mean=8.0, deviation=0.5).double()
        far.discriminator.value.data = far.best_response().detach()
        slopes.append(torch.autograd.grad(far("generator", {}), far.generator.mean)[0].abs().item())
    assert slopes[1] / slopes[0] > 1e4


def test_costs_are_expectations_over_pairs():
    p, q, _ = masses(5, 3)
    logits = torch.tensor([0.3, -1.0, 0.7], dtype=DOUBLE)
    game = between(p, q, Relativistic())
    game.discriminator.value.data = logits
    pairs = [(p[i] * q[j], (logits[i] - logits[j]).item()) for i in range(3) for j in range(3)]
    assert game("discriminator", {}).item() == pytest.approx(sum(w * math.log1p(math.exp(-d)) for w, d in pairs))
    assert game("generator", {}).item() == pytest.approx(sum(w * math.log1p(math.exp(d)) for w, d in pairs))
    earth = between(p, q, Wasserstein())
    earth.discriminator.value.data = logits
    assert earth("discriminator", {}).item() == pytest.approx((q - p) @ logits.numpy())


def test_against_the_best_discriminator_descent_reaches_the_data():
    """Proposition 2 of Goodfellow et al.: with D at its best after every step, q → p and V → −log 4."""
    game = between(*masses(6, 5)[:2])
    previous = math.inf
    for _ in range(600):
        game.discriminator.value.data = game.best_response().detach()
        value = game.value()
        assert value.item() <= previous + 1e-12
        previous = value.item()
        slope = torch.autograd.grad(game("generator", {}), game.generator.value)[0]
        game.generator.value.data -= 5.0 * slope
    assert previous == pytest.approx(-math.log(4), abs=1e-4)
    assert game.divergences()["total_variation"] < 0.01


@pytest.mark.long
def test_solvers_play_the_idealised_game():
    game = Ideal(Minimax(), atoms=5, shift=1.0)
    solver = Alternating(discriminator=SGD(4.0), generator=SGD(1.0), discriminator_steps=5)
    problem, point = FunctionalGame(game), point_of(game)
    memory, start = solver.init(problem, point), game.divergences()["js"]
    for _ in range(300):
        point, memory, _ = solver(problem, point, memory, {})
    load_point(game, point)
    assert game.divergences()["js"] < 0.02 * start


def test_objectives_that_need_batches_are_refused_at_once():
    with pytest.raises(ValueError, match="prices whole batches"):
        Ideal(GaussianMMD())
    with pytest.raises(ValueError, match="do not fit"):
        PopulationGame(Softmax(torch.zeros(3)), torch.zeros(3), torch.zeros(4))


def test_both_are_games_by_name():
    assert GAMES["ideal"] is Ideal
    assert GAMES["ideal_gaussian"] is IdealGaussian
