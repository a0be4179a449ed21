"""The study of convergence problems: what it measures agrees with closed forms, and its full configuration runs."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import wasserstein_distance

from nashpath.core import generator
from nashpath.studies import Rows, find_study, reproduce
from nashpath.studies.convergence_problems import (
    affine_mixtures,
    bilinear_rotation,
    disjoint_lines,
    finite_games,
    frozen_discriminator,
    generalisation,
    ideal_games,
    integral_metrics,
    vanishing_gradient,
)
from nashpath.studies.convergence_problems.claims_strategies import gap_ratio
from nashpath.studies.reading import exponent


@pytest.mark.long
def test_the_full_study_runs_on_a_miniature(tmp_path):
    options = {"seeds": 2, "steps": 2, "compiled": False, "data": {"kind": "digits"}, "device": "cpu"}
    options |= {"features": "digits", "samples": 100, "batch": 8, "latent": 4, "width": 8}
    found = reproduce("convergence-problems", "full", tmp_path, options=options)
    assert [verdict.claim.name for verdict in found] == ["mix-dcgan"]
    assert all(math.isfinite(value) for value in found[0].values)
    assert len(found[0].values) == 2


def test_quadrature_knows_two_gaussians():
    assert ideal_games.best_value(0.0) == pytest.approx(-math.log(4), abs=1e-9)
    assert ideal_games.jensen_shannon(0.0) == pytest.approx(0.0, abs=1e-9)
    assert ideal_games.reverse_kl(2.0) == pytest.approx(2.0, abs=1e-9)
    assert ideal_games.difference(lambda mean: mean**3, 2.0) == pytest.approx(12.0, abs=1e-6)


def test_the_discretised_lines_are_one_where_the_offset_is_nil_and_apart_elsewhere():
    p, q, points = disjoint_lines.masses(0.0)
    assert torch.equal(p, q)
    assert len(points) == disjoint_lines.POINTS
    p, q, points = disjoint_lines.masses(0.5)
    assert float(p.sum()) == pytest.approx(1.0)
    assert float((p * q).sum()) == 0.0
    assert set(points[q > 0][:, 0].tolist()) == {0.5}


def test_suprema_are_the_distances_of_other_libraries():
    rng = np.random.default_rng(0)
    points, p, q = rng.normal(size=9), rng.dirichlet(np.ones(9)), rng.dirichlet(np.ones(9))
    expected = wasserstein_distance(points, points, p, q)
    assert integral_metrics.lipschitz_supremum(p - q, points) == pytest.approx(expected, abs=1e-8)
    assert integral_metrics.bounded_supremum(p - q) == pytest.approx(np.abs(p - q).sum() / 2, abs=1e-9)


def test_falls_counts_from_the_peak_on():
    assert vanishing_gradient.falls([1.0, 3.0, 2.0, 1.0]) == 1.0
    assert vanishing_gradient.falls([1.0, 3.0, 2.0, 2.5]) == 0.5
    assert vanishing_gradient.falls([3.0, 0.0, 0.0]) == 1.0
    assert vanishing_gradient.falls([1.0, 2.0]) == 0.0


def test_a_stopped_discriminator_stands_still():
    trial = frozen_discriminator.free_trial(0)
    assert float(trial.solver.rule("discriminator").learning_rate) == 0.0
    assert float(trial.solver.rule("generator").learning_rate) > 0.0
    assert frozen_discriminator.spread(torch.tensor([[0.0, 3.0], [0.0, -3.0], [4.0, 0.0], [-4.0, 0.0]])) == (
        pytest.approx(math.sqrt(12.5))
    )


def test_known_samples_are_handed_out_by_number():
    few = generalisation.pair(3, 5, 4)[1]
    network = generalisation.Resampled(few, 6)
    latents = torch.tensor([[-1.0], [-0.4], [0.1], [1.0]])
    assert torch.equal(network(latents), few[[0, 1, 2, 3]])
    directions = generalisation.linear_distance(few, few + 1.0, generator(0))
    assert 0 < directions <= math.sqrt(5) + 1e-6
    assert exponent([1, 4, 16], [3.0, 1.5, 0.75]) == pytest.approx(-0.5)


def test_weights_settle_where_the_equation_says():
    for entropy in (0.1, 1.0):
        weight = affine_mixtures.settled_weight(entropy, 0.7)
        assert 0 < weight < 0.5
        assert weight * (1 - weight) * 0.7 == pytest.approx(entropy * (0.5 - weight))
    assert affine_mixtures.settled_weight(0.0, 0.7) == 0.0


def test_the_ellipse_of_alternating_play_has_the_radii_that_are_claimed():
    angles, h = np.linspace(0, 2 * np.pi, 4001), 0.3
    radii = 1 / np.sqrt(1 + h * np.cos(angles) * np.sin(angles))
    assert bilinear_rotation.largest_change(h) == pytest.approx(radii.max() / radii.min(), rel=1e-6)


def test_a_game_with_a_saddle_has_a_pure_pair_without_gap_and_pennies_has_none():
    assert finite_games.best_pure_gap(np.array([[2.0, 1.0], [4.0, 3.0]])) == 0.0
    assert finite_games.best_pure_gap(np.array([[1.0, -1.0], [-1.0, 1.0]])) == 2.0
    drawn = finite_games.sampled(np.array([0.0, 1.0, 0.0]), 7, np.random.default_rng(0))
    assert drawn.tolist() == [0.0, 1.0, 0.0]


def test_alternating_play_is_followed_ten_times_as_long():
    size = replace(bilinear_rotation.ROTATION.sizes["quick"], seeds=1, steps=10)
    rows = list(bilinear_rotation.measure({"solver": "alternating", "rounds": 10}, size))
    assert {row["steps"][-1] for row in rows} == {100}
    assert all(row["beyond"] <= 1 + 1e-9 for row in rows)


def test_gaps_are_compared_as_factors_and_none_counts_as_a_thousandth():
    assert gap_ratio(0.2, 0.1) == pytest.approx(math.log(2))
    assert gap_ratio(0.0, 0.1) == pytest.approx(math.log(0.01)) == -gap_ratio(0.1, -0.5)


def test_outcomes_of_frozen_play_are_shares_of_seeds():
    """Modes of 1 and of 8 are two outcomes, not 4.5 modes."""
    claims = {claim.name: claim for claim in find_study("convergence-problems").claims}
    rows = Rows({"seed": seed, "discriminator": "frozen", "modes": modes} for seed, modes in enumerate((1, 8, 0, 8)))
    assert claims["frozen-mostly-one-mode"].values(rows) == [1.0, 0.0, 1.0, 0.0]
