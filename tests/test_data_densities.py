"""Synthetic sources against their closed forms: densities, moments, modes, distances."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import chisquare, kstest, multivariate_normal
from torch import Tensor

from nashpath.core import Key
from nashpath.core.rng import generator
from nashpath.data import EmbeddedGaussian, Gaussian, Grid, ParallelLines, Ring, Spiral, SwissRoll

PLANE = {
    "ring": Ring(modes=5, radius=1.5, deviation=0.2),
    "grid": Grid(side=3, spacing=1.0, deviation=0.2),
    "gaussian": Gaussian(mean_x=0.3, mean_y=-0.2),
}
LINES = {"parallel": ParallelLines(), "embedded": EmbeddedGaussian(dimension=7, seed=3)}


def cells(edge: float, count: int) -> tuple[Tensor, float]:
    """The centres of ``count x count`` squares over ``[-edge, edge]²`` as ``[count, count, 2]``, and their area."""
    width = 2 * edge / count
    ticks = -edge + width * (torch.arange(count, dtype=torch.float64) + 0.5)
    return torch.stack(torch.meshgrid(ticks, ticks, indexing="ij"), -1), width**2


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", PLANE)
def test_the_density_integrates_to_one(name):
    points, area = cells(7.0, 700)
    assert (PLANE[name].log_density(points).exp().sum() * area).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("name", PLANE)
def test_samples_follow_the_density(name):
    fine, area = cells(4.0, 400)
    mass = (PLANE[name].log_density(fine).exp() * area).reshape(40, 10, 40, 10).sum((1, 3)).numpy()
    samples = PLANE[name].draw(Key(0), 40_000)["real"].numpy()
    counts, *_ = np.histogram2d(samples[:, 0], samples[:, 1], bins=40, range=[[-4, 4], [-4, 4]])
    often = mass * len(samples) >= 8
    observed = np.append(counts[often], len(samples) - counts[often].sum())
    expected = np.append(mass[often], 1 - mass[often].sum()) * len(samples)
    assert chisquare(observed, expected).pvalue > 1e-3


def test_the_gaussian_is_that_of_scipy():
    source = Gaussian(variance_x=2.0, variance_y=0.5, covariance_xy=-0.7, mean_x=1.0, mean_y=-3.0)
    oracle = multivariate_normal([1.0, -3.0], [[2.0, -0.7], [-0.7, 0.5]])
    points = torch.randn(50, 2, generator=generator(0), dtype=torch.float64) * 3
    assert np.allclose(source.log_density(points), oracle.logpdf(points.numpy()), rtol=1e-6)
    real = source.draw(Key(1), 100_000)["real"]
    assert torch.allclose(real.mean(0), source.mean, atol=0.02)
    assert torch.allclose(real.T.cov(), source.covariance, atol=0.03)
    assert torch.allclose(Gaussian().covariance, torch.tensor([[1.0, 0.8], [0.8, 0.89]]))


def test_a_covariance_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"covariance_xy=1\.5 .* strictly between ±1$"):
        Gaussian(variance_y=1.0, covariance_xy=1.5)


def test_the_ring_has_its_modes_where_the_formula_puts_them():
    ring = Ring()
    angles = 2 * np.pi * np.arange(8) / 8
    assert np.allclose(ring.centres, 2 * np.stack([np.cos(angles), np.sin(angles)], 1), atol=1e-6)
    assert ring.deviation == 0.05


def test_the_grid_is_pacgans():
    expected = {(-4.0 + 2 * i, -4.0 + 2 * j) for i in range(5) for j in range(5)}
    assert {tuple(c) for c in Grid().centres.tolist()} == expected


@pytest.mark.parametrize("source", [Ring(), Grid()], ids=["ring", "grid"])
def test_modes_are_equally_likely_and_round(source):
    real = source.draw(Key(0), 20_000)["real"]
    distance, mode = torch.cdist(real, source.centres).min(1)
    assert chisquare(mode.bincount(minlength=len(source.centres))).pvalue > 1e-3
    assert kstest((distance / source.deviation).square().numpy(), "chi2", args=(2,)).pvalue > 1e-3


@pytest.mark.parametrize("name", LINES)
def test_data_on_a_line_has_coordinate_and_distance(name):
    source = LINES[name]
    real = source.draw(Key(0), 5_000)["real"]
    assert source.manifold_distance(real).max() < 1e-10
    assert kstest(source.coordinate(real).numpy(), "norm").pvalue > 1e-3
    assert torch.linalg.matrix_rank(real) == 1
    normal = torch.distributions.Normal(0.0, 1.0)
    assert torch.allclose(source.log_density(real), normal.log_prob(source.coordinate(real)), atol=1e-5)


def test_the_vertical_line_is_the_one_of_the_thought_experiment():
    points = torch.tensor([[2.0, 0.5], [-3.0, 1.0], [0.0, 7.0]])
    assert ParallelLines().manifold_distance(points).tolist() == [4, 9, 0]
    assert ParallelLines().coordinate(points).tolist() == [0.5, 1, 7]


def test_the_embedding_is_fixed_by_its_seed_and_measures_by_pythagoras():
    source = EmbeddedGaussian(dimension=20, seed=1)
    assert torch.equal(source.direction, EmbeddedGaussian(seed=1).direction)
    assert not torch.equal(source.direction, EmbeddedGaussian(seed=2).direction)
    points = torch.randn(9, 20, generator=generator(0))
    parts = source.coordinate(points).square() + source.manifold_distance(points)
    assert torch.allclose(parts, points.square().sum(1), rtol=1e-5)
    directions = torch.stack([EmbeddedGaussian(dimension=3, seed=s).direction for s in range(400)])
    assert torch.allclose(directions.T @ directions / 400, torch.eye(3) / 3, atol=0.08)


def test_the_spiral_lies_on_its_arms():
    source = Spiral(arms=3, turns=1.0, radius=2.0, deviation=0.0)
    x, y = source.draw(Key(0), 3_000)["real"].double().unbind(1)
    radius = torch.hypot(x, y)
    turns = torch.atan2(y, x) / (2 * math.pi) - radius / 2
    arm = 3 * turns
    assert torch.allclose(arm, arm.round(), atol=1e-3)
    assert chisquare((arm.round() % 3).long().bincount(minlength=3)).pvalue > 1e-3
    assert kstest((radius / 2).square().numpy(), "uniform").pvalue > 1e-3
    noisy = Spiral(arms=3, turns=1.0, deviation=0.3).draw(Key(0), 3_000)["real"]
    assert (noisy - torch.stack([x, y], 1)).std().item() == pytest.approx(0.3, rel=0.05)


def test_the_swiss_roll_is_scikit_learns_seen_from_its_end():
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.make_swiss_roll(20_000, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    ours = SwissRoll().draw(Key(0), 20_000)["real"].double().numpy()
    assert kstest(ours[:, 0], theirs[:, 0]).pvalue > 1e-3
    assert kstest(ours[:, 1], theirs[:, 1]).pvalue > 1e-3
    assert kstest(np.hypot(*ours.T), np.hypot(*theirs.T)).pvalue > 1e-3


def test_densities_stack_and_differentiate():
    ring, points = Ring(), torch.randn(4, 3, 2, generator=generator(0))
    assert torch.allclose(torch.vmap(ring.log_density)(points), ring.log_density(points))
    score = torch.func.grad(lambda x: Gaussian().log_density(x))(torch.tensor([1.0, -1.0]))
    assert torch.allclose(score, -torch.linalg.solve(Gaussian().covariance, torch.tensor([1.0, -1.0])), rtol=1e-4)
