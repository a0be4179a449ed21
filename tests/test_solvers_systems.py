"""The Krylov loop and the second-order products, against dense linear algebra."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.func import vmap

from nashpath.core import FunctionalGame, Key, point_of
from nashpath.games import PENALTIES, TOYS
from nashpath.solvers import SGD, AdaptiveCompetitiveGradient, CompetitiveGradient, derivatives
from nashpath.solvers.competition import conjugate_residual
from solvers_play import play, vector


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def positive(rng, n: int) -> torch.Tensor:
    """A matrix that is not symmetric, whose symmetric part is positive definite."""
    root, skew = rng.normal(size=(n, n)), rng.normal(size=(n, n))
    return torch.tensor(root @ root.T / n + 0.5 * np.eye(n) + 0.3 * (skew - skew.T))


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**31 - 1), n=st.integers(1, 8), iterations=st.integers(1, 8))
def test_the_residual_is_the_smallest_in_the_krylov_space(seed, n, iterations):
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(seed)
    a, b = positive(rng, n), torch.tensor(rng.normal(size=n))
    x, residual = conjugate_residual(lambda v: a @ v, b, iterations, torch.tensor(0.0))
    true = float((b - a @ x).norm() / b.norm())
    assert float(residual) == pytest.approx(true, abs=1e-9)
    powers = [b]
    for _ in range(iterations):
        powers.append(a @ powers[-1])
    basis = torch.linalg.qr(torch.stack([p / p.norm() for p in powers[1:]], 1))[0]
    best = float((b - basis @ (basis.T @ b)).norm() / b.norm())
    assert true == pytest.approx(best, abs=1e-6)
    if iterations >= n:
        assert true < 1e-8


def test_a_solved_system_is_left_alone_and_zero_is_solved():
    x, residual = conjugate_residual(lambda v: 2 * v, torch.ones(3), 6, torch.tensor(0.0))
    assert x.tolist() == pytest.approx([0.5] * 3, rel=1e-12)
    assert float(residual) < 1e-15
    x, residual = conjugate_residual(lambda v: 2 * v, torch.zeros(3), 6, torch.tensor(1e-6))
    assert x.tolist() == [0] * 3
    assert float(residual) == 0
    x, _ = conjugate_residual(lambda v: 2 * v, torch.full((3,), 1e-40).float(), 6, torch.tensor(1e-6))
    assert torch.isfinite(x).all()  # a solved game's gradients get as small as this, and 1 over them is infinite


def test_a_start_is_gone_on_from_where_it_is_nearer_than_zero():
    rng = np.random.default_rng(3)
    a, b = positive(rng, 6), torch.tensor(rng.normal(size=6))
    exact = torch.linalg.solve(a, b)
    near, none = exact + 0.01 * torch.tensor(rng.normal(size=6)), torch.tensor(0.0)
    x, residual = conjugate_residual(lambda v: a @ v, b, 2, none, near)
    assert float(residual) == pytest.approx(float((b - a @ x).norm() / b.norm()), rel=1e-6)
    assert float(residual) < float((b - a @ near).norm() / b.norm())
    step, _ = conjugate_residual(lambda v: a @ v, b - a @ near, 2, none)
    torch.testing.assert_close(x, near + step)
    far, _ = conjugate_residual(lambda v: a @ v, b, 2, none, near + 100)
    torch.testing.assert_close(far, conjugate_residual(lambda v: a @ v, b, 2, none)[0])


def test_the_tolerance_stops_each_member_of_a_stack_by_itself():
    rng = np.random.default_rng(0)
    a, b = positive(rng, 6), torch.tensor(rng.normal(size=6))
    tolerances = torch.tensor([1.0, 0.3, 0.0])
    x, residual = vmap(lambda t: conjugate_residual(lambda v: a @ v, b, 6, t))(tolerances)
    assert x[0].tolist() == [0] * 6
    assert 1e-8 < float(residual[1]) <= 0.3
    assert float(residual[2]) < 1e-8
    one, _ = conjugate_residual(lambda v: a @ v, b, 6, tolerances[1])
    torch.testing.assert_close(x[1], one)


def jacobian(problem: FunctionalGame, point, batch) -> tuple[np.ndarray, np.ndarray]:
    """The field and its Jacobian by central differences of gradients, the generator's rows first."""
    order = ("generator", "discriminator")

    def field(values):
        sizes = [sum(v.numel() for v in point.players[who].values()) for who in order]
        players = {}
        for who, part in zip(order, values.split(sizes), strict=True):
            chunks = part.split([v.numel() for v in point.players[who].values()])
            names = point.players[who].items()
            players[who] = {k: c.view_as(v) for c, (k, v) in zip(chunks, names, strict=True)}
        moved = point._replace(players=players)
        return vector(point._replace(players={w: problem.gradient(w, moved, batch).gradient for w in order}))

    at, eps = vector(point), 1e-6
    columns = [(field(at + eps * e) - field(at - eps * e)) / (2 * eps) for e in torch.eye(len(at))]
    return field(at).numpy(), torch.stack(columns, 1).numpy()


def dense_game():
    """A game that is not zero-sum: the non-saturating Dirac-GAN with R1, away from its equilibrium."""
    from nashpath.games import OBJECTIVES

    game = TOYS["dirac"](OBJECTIVES["non_saturating"](), PENALTIES["r1"](weight=0.5), x=0.7, y=-1.2)
    return game, game.draw(Key(0))


def test_products_are_those_of_the_jacobian_by_finite_differences():
    game, batch = dense_game()
    problem, point = FunctionalGame(game), point_of(game)
    field, j = jacobian(problem, point, batch)
    slope, priced = derivatives.energy(problem, point, batch)
    got = vector(point._replace(players=slope)).numpy()
    np.testing.assert_allclose(got, j.T @ field, rtol=1e-6)
    one = {"value": torch.ones(1)}
    mine = derivatives.mixed_product(problem, point, batch, {"generator": 1.0}, "discriminator", "generator")
    theirs = derivatives.mixed_product(problem, point, batch, {"discriminator": 1.0}, "generator", "discriminator")
    assert float(mine(one)["value"]) == pytest.approx(j[0, 1], rel=1e-6)
    assert float(theirs(one)["value"]) == pytest.approx(j[1, 0], rel=1e-6)
    assert set(priced) == {"generator", "discriminator"}


def test_competitive_descent_solves_the_local_game_of_a_game_that_is_not_zero_sum():
    game, batch = dense_game()
    h_g, h_d = 0.8, 1.7
    field, j = jacobian(FunctionalGame(game), point_of(game), batch)
    off = np.diag([h_g, h_d]) @ (j - np.diag(np.diag(j)))
    want = np.linalg.solve(np.eye(2) + off, -np.array([h_g, h_d]) * field)
    points, info, _ = play(CompetitiveGradient(SGD(h_d), SGD(h_g)), game, 1)
    np.testing.assert_allclose((vector(points[1]) - vector(points[0])).numpy(), want, rtol=1e-6)
    assert float(info["residual"]) < 1e-12


def test_adaptive_competitive_descent_by_dense_algebra():
    rng = np.random.default_rng(3)
    n, h = 3, 0.3
    a, c = (root @ root.T for root in rng.normal(size=(2, n, n)))
    b = rng.normal(size=(n, n))
    m = np.block([[a, b], [-b.T, c]])
    off = np.block([[np.zeros((n, n)), b], [-b.T, np.zeros((n, n))]])
    z, square = np.ones(2 * n), np.zeros(2 * n)
    game = TOYS["quadratic"](*(torch.tensor(k) for k in (a, b, c)), x=torch.ones(n), y=torch.ones(n))
    solver = AdaptiveCompetitiveGradient(SGD(h), SGD(h), decay=0.9, epsilon=1e-3, iterations=n, tolerance=0.0)
    points, _, _ = play(solver, game, 4)
    for t in range(1, 5):
        g = m @ z
        square = 0.9 * square + 0.1 * g * g
        size = np.diag(h * np.sqrt(1 - 0.9**t) / (np.sqrt(square) + 1e-3))
        z = z - np.linalg.solve(np.eye(2 * n) + size @ off, size @ g)
        np.testing.assert_allclose(vector(points[t]).numpy(), z, rtol=1e-7)


def test_a_learning_rate_of_zero_moves_nobody():
    points, info, _ = play(CompetitiveGradient(SGD(0.0), SGD(0.0)), TOYS["saddle"](), 2)
    assert torch.equal(vector(points[2]), vector(points[0]))
    assert all(torch.isfinite(v) for v in info.values())
