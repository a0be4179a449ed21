"""The study of conjugate gradients: its measure against closed forms, its verdicts, and its full configuration."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch

from nashpath.core import Key
from nashpath.studies import Rows, find_study, judge
from nashpath.studies.conjugate_gradient.claims import best, decided, ratio, spread
from nashpath.studies.conjugate_gradient.claims_games import from_rest
from nashpath.studies.conjugate_gradient.directions import FORMULAS, METHODS, rule
from nashpath.studies.conjugate_gradient.image_grids import CIFAR_DCGAN, CIFAR_RESNET, DIGITS_GRID, REAL_GRID
from nashpath.studies.conjugate_gradient.rate_grid import PLAYERS, population, rates_of, settings_of, share
from nashpath.studies.conjugate_gradient.saddle_directions import SADDLE
from nashpath.studies.conjugate_gradient.variational_inequality import (
    CONDITIONS,
    Condition,
    Shape,
    StochasticGame,
    gaps,
    judged,
    stationary_gap,
)
from nashpath.studies.reading import exponent as exponent_of
from nashpath.studies.study import Size

ON_THE_SADDLE = {"saddle-reached", "saddle-faster-than-descent", "saddle-like-momentum", "saddle-like-descent"}


@pytest.mark.thorough("committed rows hold the same numbers: test_results")
def test_the_claims_about_the_saddle_hold():
    """Nothing is drawn, so this is a gate; the numbers are those of a calibration by other code."""
    rows = Rows({**cell, **row} for cell in SADDLE.cells for row in SADDLE.measure(cell, SADDLE.sizes["default"]))
    for claim in find_study("conjugate-gradient").claims:
        if claim.name in ON_THE_SADDLE:
            assert all(claim.low <= value <= claim.high for value in claim.values(rows)), claim.name
    # The calibration let x move first; here y does.
    at = {row["method"]: row["distance"] for row in rows.where(rates="(1e-4, 1e-3)")}
    expected = {"SGD": 1.44, "momentum 0.5": 0.639, "FR": 0.639, "DY": 0.639, "HZ": 0.649, "PRP": 1.45, "HS": 2.18}
    assert at == pytest.approx({**at, **expected}, rel=0.02)


def test_the_game_accounts_for_its_field():
    """The state after a step holds ⟨z, F(z)⟩ and F(z) of the field that automatic differentiation finds."""
    game = StochasticGame(Shape((0.5, 2.0), 0.7), noise=0.3)
    with torch.no_grad():
        game.generator.value.copy_(torch.tensor([1.0, -2.0]))
        game.discriminator.value.copy_(torch.tensor([0.5, 3.0]))
    x, y = game.generator.value, game.discriminator.value
    slopes = torch.autograd.grad(game.value(x, y), (x, y))
    field = torch.cat([slopes[0], -slopes[1]])
    batch = game.draw(Key(0))
    game("generator", batch)
    assert game.inner.tolist() == [0, 0]
    game("discriminator", batch)
    torch.testing.assert_close(game.total, field)
    torch.testing.assert_close(game.inner, torch.stack([x.detach() @ field[:2], y.detach() @ field[2:]]))
    noisy = torch.autograd.grad(game("generator", batch), x)[0]
    torch.testing.assert_close(noisy, slopes[0] + 0.3 * batch["generator"])


def test_the_gap_is_the_worst_point_of_the_ball():
    """1/n Σ ⟨z_k − z, F_k⟩ over a thousand directions is below the closed form, and reaches it at −Σ F_k."""
    rng = np.random.default_rng(0)
    z, fields = rng.normal(size=(7, 4)), rng.normal(size=(7, 4))
    inner = torch.tensor([(z[:, own] * fields[:, own]).sum() for own in (slice(2), slice(2, 4))])
    found = gaps({"inner": inner, "total": torch.tensor(fields.sum(0))}, 7, 2.0)

    def at(point, own=slice(4)):
        return ((z - point)[:, own] * fields[:, own]).sum() / 7

    points = rng.normal(size=(1000, 4))
    points *= 2 / np.linalg.norm(points, axis=1, keepdims=True)
    assert found.solution == pytest.approx(at(np.zeros(4)))
    assert max(map(at, points)) <= found.ball
    worst = -2 * fields.sum(0) / np.linalg.norm(fields.sum(0))
    assert at(worst) == pytest.approx(found.ball)
    alone = []
    for own in (slice(2), slice(2, 4)):
        answer = np.zeros(4)
        answer[own] = -2 * fields.sum(0)[own] / np.linalg.norm(fields.sum(0)[own])
        alone.append(at(answer, own))
    assert max(alone) == pytest.approx(found.player)


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_the_plateau_in_theory_is_that_of_long_play(momentum):
    """By NumPy: one number a player, 400 runs side by side, 3,000 steps after they have forgotten their start."""
    rng, rate, noise = np.random.default_rng(0), 0.1, 0.5
    z, v, seen = np.zeros((400, 2)), np.zeros((400, 2)), []
    jacobian = np.array([[0.8, 1.0], [-1.0, 0.8]])
    for step in range(3500):
        field = z @ jacobian.T
        if step >= 500:
            seen.append((z * field).sum(1).mean())
        v = momentum * v + field + noise * rng.normal(size=z.shape)
        z = z - rate * v
    # 400 runs of 3,000 steps, a memory of about 20: the mean is known to half a per cent.
    assert stationary_gap(Shape((0.8,), 1.0), rate, momentum, noise) == pytest.approx(np.mean(seen), rel=0.02)


def test_a_plateau_that_is_off_is_found_out():
    rows = Rows(
        {"condition": condition, "method": method, "seed": 0, "plateau": 2.0, "rest": 1.0}
        for condition in ("plateau", "lower plateau")
        for method in ("SGD", "momentum 0.25", "momentum 0.5")
    )
    assert from_rest(rows) == pytest.approx([math.log(2)])


@pytest.mark.parametrize("exponent", [-1.0, -0.5])
def test_a_slope_is_the_exponent(exponent):
    steps = np.array([1.0, 3.0, 10.0, 40.0])
    assert exponent_of(steps, 7 * steps**exponent) == pytest.approx(exponent, abs=1e-5)


def test_plateau_and_decay_are_told_apart():
    steps = np.unique(np.geomspace(1, 4000, 40).round())
    found = judged(steps, 5 / steps + 0.2, CONDITIONS["decay"])
    assert found["plateau"] == pytest.approx(0.2, abs=1e-5)
    assert found["slope"] == pytest.approx(-1, abs=1e-3)
    turning = (1 + np.sin(steps / 50)) / steps
    swinging = Condition("bilinear", "constant", 0.1, 0.0, 0.0, 0.1)
    assert judged(steps, turning, swinging)["slope"] == pytest.approx(-1, abs=0.05)


def test_settings_are_compared_in_equal_numbers():
    """Sixteen settings a method, a factor of three apart; best, mean of the best and their spread are those by hand."""
    options = DIGITS_GRID.sizes["default"].options
    for cell in DIGITS_GRID.cells:
        for rates in rates_of(cell, options).values():
            assert len(rates) == 4
            assert [a / b for a, b in pairwise(rates)] == pytest.approx([3.15] * 3, rel=0.06), cell
    values = {"SGD": [8.0, 2.0, 4.0], "FR": [1.0, 16.0, 3.0], "HZ": [2.0, 2.0, 2.0]}
    rows = Rows({"method": m, "seed": 0, "fid": v} for m, own in values.items() for v in own)
    assert ratio(("FR", "HZ"), "SGD", best(1))(rows) == pytest.approx([math.log(0.5) / 2])
    assert ratio(("FR",), "SGD", best(2))(rows) == pytest.approx([math.log(2 / 3)])
    assert spread(2)([4.0, 1.0, 2.0]) == pytest.approx(math.sqrt(0.5))


def grid(rival, best_at=(0.3, 0.3), least=0.2):
    """Rows of all methods on a grid of three rates a player; the rival's best setting and its distance are given."""
    rates = (0.1, 0.3, 1.0)
    for method in {"SGD", *FORMULAS, rival}:
        at, lowest = (best_at, least) if method == rival else ((0.3, 0.3), 0.1)
        for d in rates:
            for g in rates:
                for seed in range(4):
                    away = abs(math.log(d / at[0])) + abs(math.log(g / at[1]))
                    fid = lowest + 0.05 * away + 0.001 * seed
                    yield {"method": method, "lr_D": d, "lr_G": g, "seed": seed, "fid": fid, "fid_noise": 1.0}


@pytest.mark.parametrize(
    ("given", "word", "note"),
    [
        ({}, "supported", ""),
        ({"best_at": (1.0, 0.3)}, "inconclusive", "momentum 0.5 is best at lr_D = 1, the edge of its grid"),
        ({"best_at": (0.3, 0.1)}, "inconclusive", "momentum 0.5 is best at lr_G = 0.1, the edge of its grid"),
        ({"least": 5.0}, "inconclusive", "momentum 0.5 never trains"),
    ],
)
def test_a_rival_on_the_edge_or_that_never_trains_decides_nothing(given, word, note):
    claims = {claim.name: claim for claim in find_study("conjugate-gradient").claims}
    verdict = judge(claims["digits-best-below-momentum-half"], Rows(grid("momentum 0.5", **given)))
    assert (verdict.word, note in verdict.note) == (word, True)
    assert decided(("FR",), lambda rows: [1.0])(Rows(grid("momentum 0.5", **given))) == [1.0]


def test_halving_the_discriminators_cost_is_halving_its_rate():
    """A step of every method but Adam is linear in the gradient and the rate: both halve it alike."""
    gradients = [{"w": torch.tensor([1.0, -2.0])}, {"w": torch.tensor([0.5, 3.0])}, {"w": torch.tensor([-1.0, 1.0])}]
    for method in METHODS:
        halves = []
        for rate, factor in ((0.1, 0.5), (0.1 * share(method), 1.0)):
            acting = rule(method, rate)
            move, memory = gradients[0], acting.init(gradients[0])
            for gradient in gradients:
                move, memory = acting({"w": factor * gradient["w"]}, memory)
            halves.append(move["w"])
        torch.testing.assert_close(*halves, msg=method)


def test_every_pair_of_rates_is_a_member():
    size = Size(seeds=2, steps=1, options={**DIGITS_GRID.sizes["quick"].options})
    seats = list(population(DIGITS_GRID.cells[0], size))
    rates = {tuple(v for v in seat.member.swept.values()) for seat in seats}
    assert len(seats) == 32
    assert rates == {(d / 2, g) for d in (3.0, 1.0, 0.3, 0.1) for g in (10.0, 3.0, 1.0, 0.3)}


def test_on_a_diagonal_both_players_have_one_rate():
    """But for the discriminator's half, which stands for its halved cost."""
    options = {**DIGITS_GRID.sizes["quick"].options, "diagonal": True}
    seats = list(population(DIGITS_GRID.cells[1], Size(seeds=1, steps=1, options=options)))
    rates = [tuple(getattr(seat.member.settings.solver, who).learning_rate for who in PLAYERS) for seat in seats]
    assert rates == [(rate / 2, rate) for rate in (1.0, 0.3, 0.1, 0.03)]
    assert REAL_GRID.sizes["real"].options["diagonal"]


MINIATURE = {
    "steps": 2,
    "seeds": 1,
    "compiled": False,
    "data": {"kind": "digits"},
    "batch": 4,
    "widths": [2, 2],
    "rates": {schedule: [1e-3] for schedule in ("constant", "inverse_sqrt", "step_decay")},
    "device": "cpu",
    "features": "digits",
    "samples": 40,
    "looks": 2,
}


@pytest.mark.long
def test_the_full_configuration_runs_in_miniature():
    """Each network under each of its learning-rate rules, and each kind of method once."""
    study = find_study("conjugate-gradient").adjusted("full", MINIATURE)
    for experiment in study.experiments_at("full"):
        chosen = [c for c in experiment.cells if (c["method"], c["coefficient"]) in (("Adam", 1.0), ("HZ", 0.5))]
        assert len(chosen) == 4
        for cell in chosen:
            (row,) = experiment.measure(cell, experiment.sizes["full"])
            assert row["outcome"] == "finished"
            assert len(row["fid_curve"]) == 2
            assert math.isfinite(row["fid"])


@pytest.mark.parametrize("experiment", [CIFAR_DCGAN, CIFAR_RESNET], ids=lambda e: e.name)
def test_full_has_the_papers_grids(experiment):
    """25 settings a method (16 where rates decay in steps), and three times as many for conjugate gradients."""
    options = experiment.sizes["full"].options
    for schedule in {cell["schedule"] for cell in experiment.cells}:
        cells = [cell for cell in experiment.cells if cell["schedule"] == schedule]
        assert len(cells) == 3 + 3 * len(FORMULAS)
        assert {math.prod(map(len, rates_of(cell, options).values())) for cell in cells} == {
            16 if schedule == "step_decay" else 25
        }
    rules = settings_of({"method": "FR", "schedule": "step_decay", "coefficient": 0.75}, options)["solver"]
    assert rules["generator"]["coefficient"] == 0.75
