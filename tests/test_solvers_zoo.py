"""Solvers of the literature on known games: rates in closed form, dense algebra, bounds, and what attracts them."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from nashpath.core import FunctionalGame, Key, Point, point_of, tree_map
from nashpath.games import TOYS
from nashpath.solvers import (
    LEAD,
    SGD,
    Adam,
    Alternating,
    AnchoredExtragradient,
    ComplexMomentum,
    Extragradient,
    ExtragradientPlus,
    FastExtragradient,
    FollowTheRidge,
    LocalSymplecticSurgery,
    Momentum,
    NegativeMomentum,
    Optimistic,
    RungeKutta,
    Simultaneous,
    Unrolled,
    price_all,
)
from nashpath.solvers.derivatives import stake
from solvers_play import distances, play, rate, small_gan, vector
from test_solvers_systems import dense_game, jacobian


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def quadratic(a, b, c, z):
    """½ x·A x + x·B y − ½ y·C y at ``z`` = (x, y)."""
    n = len(a)
    return TOYS["quadratic"](*(torch.tensor(v) for v in (a, b, c)), x=torch.tensor(z[:n]), y=torch.tensor(z[n:]))


def drawn(seed: int, n: int = 2):
    """A random convex-concave quadratic game, its linear field, and a point."""
    rng = np.random.default_rng(seed)
    a, c = (root @ root.T / 2 + 0.2 * np.eye(n) for root in rng.normal(size=(2, n, n)))
    b = rng.normal(size=(n, n))
    return (a, b, c), np.block([[a, b], [-b.T, c]]), rng.normal(size=2 * n)


def moved(solver, blocks, z, steps: int = 1) -> np.ndarray:
    """Where play from ``z`` is after some steps."""
    points, _, _ = play(solver, quadratic(*blocks, z), steps)
    return vector(points[-1]).numpy()


H, ONE = 0.2, np.eye(4)


def rk4(m):
    step = -H * m
    return sum(np.linalg.matrix_power(step, k) / math.factorial(k) for k in range(5))


def regularised(a, b, c, *, m):
    pull = np.zeros_like(m)
    pull[len(a) :] = 2 * 0.3 * b.T @ np.hstack([a, b])
    return np.eye(len(m)) - H * m + H * H * m @ m / 2 - H * pull


def unrolled(a, b, c, *, m, k=3, lookahead=0.15):
    one = np.eye(len(a))
    stay = np.linalg.matrix_power(one - lookahead * c, k)
    answer = sum(np.linalg.matrix_power(one - lookahead * c, j) for j in range(k)) @ (lookahead * b.T)
    there = np.hstack([answer, stay])  # the discriminator after k steps, as a linear map of (x, y)
    slope = np.hstack([a, np.zeros_like(b)]) + b @ there
    slope = slope + answer.T @ (np.hstack([b.T, np.zeros_like(c)]) - c @ there)
    return np.eye(len(m)) - H * np.vstack([slope, m[len(a) :]])


def ridge(a, b, c, *, m):
    n, step = len(a), np.eye(len(m)) - H * m
    step[n:] += np.linalg.solve(c, b.T) @ (-H * m[:n])
    return step


STEPS = {
    "extragradient_plus": (ExtragradientPlus, {"share": 0.3}, lambda *_, m: ONE - 0.3 * H * m @ (ONE - H * m)),
    "heun": (RungeKutta, {"method": "heun"}, lambda *_, m: ONE - H * m + H * H * m @ m / 2),
    "rk4": (RungeKutta, {}, lambda *_, m: rk4(m)),
    "regularised": (RungeKutta, {"method": "heun", "regularise": True, "weight": 0.3}, regularised),
    "unrolled": (Unrolled, {"unrolling": 3, "lookahead": 0.15}, unrolled),
    "surgery": (LocalSymplecticSurgery, {"damping": 0.0, "tolerance": 0.0}, lambda *_, m: ONE - H * (m + m.T) / 2),
    "ridge": (FollowTheRidge, {"tolerance": 0.0}, ridge),
}


@pytest.mark.parametrize("name", STEPS)
def test_a_step_on_random_quadratic_games_by_dense_algebra(name):
    kind, options, predicted = STEPS[name]
    for seed in range(4):
        blocks, m, z = drawn(seed)
        np.testing.assert_allclose(
            moved(kind(SGD(H), SGD(H), **options), blocks, z), predicted(*blocks, m=m) @ z, atol=1e-8
        )


def test_lead_by_dense_algebra_and_its_bilinear_game():
    blocks, m, z = drawn(1)
    off, last, now = m.copy(), z, z
    off[:2, :2] = off[2:, 2:] = 0
    for steps in range(1, 5):
        now, last = now - H * (m @ now + 0.6 * off @ (now - last)), now
        np.testing.assert_allclose(moved(LEAD(SGD(H), SGD(H), weight=0.6), blocks, z, steps), now, atol=1e-10)
    lead, _, _ = play(LEAD(SGD(H), SGD(H)), TOYS["bilinear"](), 80)
    optimistic, _, _ = play(Optimistic(SGD(H), SGD(H)), TOYS["bilinear"](), 80)
    torch.testing.assert_close(vector(lead[-1]), vector(optimistic[-1]))


BILINEAR = {
    "extragradient_plus": (ExtragradientPlus, {}, lambda h: abs(1 - 0.5 * 1j * h * (1 - 1j * h))),
    "heun": (RungeKutta, {"method": "heun"}, lambda h: math.sqrt(1 + h**4 / 4)),
    "rk4": (RungeKutta, {}, lambda h: math.sqrt(1 - h**6 / 72 + h**8 / 576)),
    "lead": (LEAD, {"weight": 0.7}, lambda h: max(abs(np.roots([1, -(1 - 1.7j * h), -0.7j * h])))),
    "ridge": (FollowTheRidge, {}, lambda h: math.sqrt(1 + h * h)),
    "surgery": (LocalSymplecticSurgery, {"damping": 0.0}, lambda h: 1.0),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", BILINEAR)
def test_the_rate_on_the_bilinear_game(name):
    kind, options, theory = BILINEAR[name]
    for h in (0.1, 0.4):
        points, _, _ = play(kind(SGD(h), SGD(h), **options), TOYS["bilinear"](), 60)
        assert rate(points) == pytest.approx(theory(h), rel=1e-3)


def test_two_step_sizes_arrive_where_one_leaves():
    """Weak Minty with ρ = −0.1 and L = 1: at learning rate 1 extragradient leaves, EG+ arrives at its rate."""
    value = -0.1 + 0.995j
    for solver, shrinks in ((Extragradient, 1.0), (ExtragradientPlus, 0.5)):
        points, _, _ = play(solver(SGD(1.0), SGD(1.0)), TOYS["weak_minty"](), 60)
        theory = abs(1 - shrinks * value * (1 - value))
        assert rate(points) == pytest.approx(theory, rel=1e-6)
        assert (theory < 1) == (solver is ExtragradientPlus)


def squared_fields(solver, game, steps: int) -> list[float]:
    """``‖F‖²`` at every point of the play."""
    points, _, _ = play(solver, game, steps)
    problem = FunctionalGame(game)
    fields = [price_all(problem, p, {}) for p in points]
    return [sum(float(v.square().sum()) for price in f.values() for v in price.gradient.values()) for f in fields]


def test_anchored_play_keeps_the_bounds_of_its_theorems():
    h = 1 / 8  # of a bilinear game with L = 1
    found = squared_fields(AnchoredExtragradient(SGD(h), SGD(h)), TOYS["bilinear"](), 200)
    bound = 4 * (1 + h + h * h) / (h * h * (1 + h)) * 2
    assert all(square <= bound / (k + 1) ** 2 for k, square in enumerate(found))
    assert 0.5 < found[200] * 201**2 / (found[100] * 101**2) < 2  # and no faster than 1/k²: that is the order
    found = squared_fields(FastExtragradient(SGD(1.0), SGD(1.0)), TOYS["bilinear"](), 60)
    assert max(square * k**2 for k, square in enumerate(found)) == pytest.approx(4 * 2)  # every fourth step attains it


def test_comonotonicity_lets_the_fast_one_arrive_where_monotone_methods_leave():
    """A weak Minty game with L = 1: its linear field is ρ-comonotone with ρ = −0.1."""
    game = TOYS["weak_minty"](rotation=math.sqrt(0.99), repulsion=0.1)
    right = FastExtragradient(SGD(1.0), SGD(1.0), comonotonicity=-0.1)
    found = squared_fields(right, game, 60)
    assert all(square <= 4 * 2 / (1 - 0.2) ** 2 / k**2 for k, square in enumerate(found) if k)
    for wrong in (FastExtragradient(SGD(1.0), SGD(1.0)), AnchoredExtragradient(SGD(0.125), SGD(0.125))):
        assert squared_fields(wrong, game, 60)[-1] > 10 * found[-1]


@pytest.mark.parametrize("rho", [None, -0.05])
def test_anchored_steps_by_dense_algebra(rho):
    blocks, m, z = drawn(2)
    now = z
    for k in range(4):
        beta = 1 / (k + 2) if rho is None else 1 / (k + 1)
        home, g = now + beta * (z - now), m @ now
        lean = 0.0 if rho is None else 2 * rho * (1 - beta)
        ahead = home - H * g if rho is None else home - (1 - beta) * (H + 2 * rho) * g
        now = home - H * m @ ahead - lean * g
        options = {} if rho is None else {"comonotonicity": rho}
        kind = AnchoredExtragradient if rho is None else FastExtragradient
        np.testing.assert_allclose(moved(kind(SGD(H), SGD(H), **options), blocks, z, k + 1), now, atol=1e-7)


def test_an_anchor_is_where_play_began_and_begins_anew_elsewhere():
    game, solver = TOYS["saddle"](), AnchoredExtragradient(SGD(1e-3), SGD(1e-3))
    points, _, memory = play(solver, game, 3)
    assert torch.equal(vector(Point(memory["anchor"], {})), vector(points[0]))
    assert float(memory["count"]) == 3
    again = solver.init(FunctionalGame(game), points[3])
    assert torch.equal(vector(Point(again["anchor"], {})), vector(points[3]))
    assert float(again["count"]) == 0


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("method", "order"), [("heun", 2), ("rk4", 4)])
def test_runge_kutta_follows_the_flow_with_its_order(method, order):
    """Against SciPy's DOP853 on a game that is not linear: half the step leaves 2^−order of the error."""
    game, time = TOYS["forsaken"](), 2.0
    problem, start = FunctionalGame(game), point_of(game)

    def field(_, z):
        at = {w: {"value": torch.tensor([z[i]])} for i, w in enumerate(("generator", "discriminator"))}
        return [-float(problem.gradient(w, Point(at, {}), {}).gradient["value"]) for w in at]

    exact = solve_ivp(field, (0, time), vector(start).numpy(), "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    errors = []
    for steps in (10, 20):
        points, _, _ = play(RungeKutta(SGD(time / steps), SGD(time / steps), method), game, steps)
        errors.append(float(np.abs(vector(points[-1]).numpy() - exact).max()))
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.35)


def test_the_unrolled_gradient_by_finite_differences():
    game, batch = dense_game()
    problem, point, k, lookahead = FunctionalGame(game), point_of(game), 3, 0.4

    def cost(x: float) -> float:
        players = {**point.players, "generator": {"value": torch.tensor([x])}}
        for _ in range(k):
            slope = stake(problem, Point(players, {}), batch, "discriminator", "discriminator")["value"]
            players = {**players, "discriminator": {"value": players["discriminator"]["value"] - lookahead * slope}}
        return float(problem.loss("generator", Point(players, {}), batch)[0])

    x, eps = float(point.players["generator"]["value"]), 1e-5
    slope = (cost(x + eps) - cost(x - eps)) / (2 * eps)
    points, info, _ = play(Unrolled(SGD(1.0), SGD(1.0), k, lookahead), game, 1)
    assert x - float(points[1].players["generator"]["value"]) == pytest.approx(slope, rel=1e-7)
    assert float(info["cost.generator"]) == pytest.approx(cost(x))
    nothing, _, _ = play(Unrolled(SGD(0.1), SGD(0.1), unrolling=0), game, 3)
    simultaneous, _, _ = play(Simultaneous(SGD(0.1), SGD(0.1)), game, 3)
    assert torch.equal(vector(nothing[-1]), vector(simultaneous[-1]))


def test_unrolling_the_rule_of_the_discriminator_by_autograd():
    """Two steps of Adam written out, from the moments that play left, on a GAN; the derivative by torch.autograd."""
    h, b1, b2, eps = 0.05, 0.5, 0.9, 1e-8
    game = small_gan(1)
    problem = FunctionalGame(game)
    solver = Unrolled(Adam(h, b1, b2, eps), SGD(1.0), unrolling=2, inner="rule")
    points, _, memory = play(solver, game, 2)
    point, batch = points[-1], game.draw(Key(9), (1,))
    one = tree_map(lambda v: v[0], batch)
    kept = memory["discriminator"]
    own = {k: v.clone().requires_grad_() for k, v in point.players["generator"].items()}
    there = {k: v.clone().requires_grad_() for k, v in point.players["discriminator"].items()}
    m, v, t = kept["first"], kept["second"], float(kept["count"])
    assert t == 2
    for _ in range(2):
        at = Point({"generator": own, "discriminator": there}, point.state)
        cost = problem.loss("discriminator", at, one)[0]
        g = dict(zip(there, torch.autograd.grad(cost, list(there.values()), create_graph=True), strict=True))
        t += 1
        m = {k: b1 * m[k] + (1 - b1) * g[k] for k in g}
        v = {k: b2 * v[k] + (1 - b2) * g[k] ** 2 for k in g}
        steps = {k: h * (m[k] / (1 - b1**t)) / ((v[k] / (1 - b2**t)).sqrt() + eps) for k in g}
        there = {k: there[k] - steps[k] for k in g}
    cost = problem.loss("generator", Point({"generator": own, "discriminator": there}, point.state), one)[0]
    wanted = torch.autograd.grad(cost, list(own.values()))
    with torch.no_grad():
        after, _, info = solver(problem, point, memory, batch)
    for k, slope in zip(own, wanted, strict=True):
        torch.testing.assert_close(own[k].detach() - after.players["generator"][k], slope, rtol=1e-6, atol=1e-10)
    assert float(info["cost.generator"]) == pytest.approx(float(cost.detach()))
    plain, _, _ = play(Unrolled(Adam(h, b1, b2, eps), SGD(1.0), unrolling=2), game, 1)
    ours, _, _ = play(solver, game, 1)
    assert not torch.allclose(vector(plain[-1]), vector(ours[-1]))


def test_unrolling_adam_from_its_beginning_is_finite_where_a_gradient_is_zero():
    """Units that are all at their end: their weights have the gradient 0 and no moment yet."""
    game = small_gan(1)
    with torch.no_grad():
        next(v for k, v in game.discriminator.named_parameters() if k.endswith("bias")).fill_(-1e3)
    points, info, _ = play(Unrolled(Adam(), Adam(), unrolling=2, inner="rule"), game, 2)
    assert torch.isfinite(vector(points[-1])).all()
    assert all(torch.isfinite(v).all() for v in info.values())


def test_unrolling_turns_the_circle_of_the_bilinear_game_into_a_spiral():
    """The product of the step's two eigenvalues is 1 − 2h · unrolling · lookahead + h², as on the page."""
    h, columns = 0.3, []
    for unit in torch.eye(2):
        points, _, _ = play(Unrolled(SGD(h), SGD(h), 4, 0.2), TOYS["bilinear"](x=float(unit[0]), y=float(unit[1])), 1)
        columns.append(vector(points[1]).numpy())
    values = np.linalg.eigvals(np.stack(columns, 1))
    assert np.abs(values) == pytest.approx([math.sqrt(1 - 2 * h * 0.8 + h * h)] * 2, rel=1e-6)


def test_surgery_and_ridge_in_a_game_that_is_neither_linear_nor_zero_sum():
    game, batch = dense_game()
    point = point_of(game)
    field, j = jacobian(FunctionalGame(game), point, batch)
    damping = 0.1 * (1 - math.exp(-field @ field))
    wanted = 0.5 * (field + j.T @ np.linalg.solve(j.T @ j + damping * np.eye(2), j.T @ field))
    points, info, _ = play(LocalSymplecticSurgery(SGD(1.0), SGD(1.0), damping=0.1, tolerance=0.0), game, 1)
    np.testing.assert_allclose((vector(points[0]) - vector(points[1])).numpy(), wanted, rtol=1e-5)
    assert float(info["residual"]) < 1e-10
    leader = -0.7 * field[0]
    follower = -1.3 * field[1] - j[1, 1] * j[1, 0] * leader / (j[1, 1] ** 2 + 0.01)
    points, _, _ = play(FollowTheRidge(SGD(1.3), SGD(0.7), damping=0.01), game, 1)
    np.testing.assert_allclose((vector(points[1]) - vector(points[0])).numpy(), [leader, follower], rtol=1e-5)


@pytest.mark.parametrize("times", [1, 2])
def test_surgery_by_the_recursion_of_the_paper(times):
    """z ← z − h/2 (ω + Jᵀu) with the u of before, and u ← u − b (JᵀJ u − Jᵀω + λu), on a linear field."""
    blocks, m, z = drawn(5)
    solver = LocalSymplecticSurgery(SGD(H), SGD(H), 0.3, iterations=times, inner="descent", inner_rate=0.04)
    now, u, residual = z, np.zeros(4), 0.0
    points, info, memory = play(solver, quadratic(*blocks, z), 4)
    for k in range(4):
        field, lam, then = m @ now, 0.3 * (1 - math.exp(-np.sum((m @ now) ** 2))), u
        residual = np.linalg.norm(m.T @ (field - m @ u) - lam * u) / np.linalg.norm(m.T @ field)
        for _ in range(times):
            u = u - 0.04 * (m.T @ m @ u - m.T @ field + lam * u)
        now = now - H / 2 * (field + m.T @ then)
        np.testing.assert_allclose(vector(points[k + 1]).numpy(), now, atol=1e-10)
    assert float(info["residual"]) == pytest.approx(residual)
    np.testing.assert_allclose(vector(Point(memory["inner"], {})).numpy(), u, atol=1e-10)


class FromZero(LocalSymplecticSurgery):
    """Surgery that forgets its last solution."""

    def forward(self, problem, point, memory, batches):
        return super().forward(problem, point, self.init(problem, point), batches)


@pytest.mark.long
def test_surgery_goes_on_from_its_last_solution():
    """Descent is attracted (every real part is above 0.5), but y sits on a worst point of one direction."""
    rng, n = np.random.default_rng(5), 3
    first, second = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    a = first @ np.diag(np.linspace(0.2, 1.5, n)) @ first.T
    c = second @ np.diag([-0.15, *np.linspace(0.2, 1.5, n)[1:]]) @ second.T
    b, z = rng.normal(size=(n, n)), rng.normal(size=2 * n)
    assert np.linalg.eigvals(np.block([[a, b], [-b.T, c]])).real.min() > 0.5
    for kind, comes in ((FromZero, True), (LocalSymplecticSurgery, False)):
        assert arrives(kind(SGD(0.2), SGD(0.2), iterations=2), quadratic(a, b, c, z), 110) == comes


def slope(problem, batch, x: float, y: float, eps: float = 1e-5) -> float:
    """∂_D J_D at a point, by central differences of the cost."""
    ends = []
    for end in (y + eps, y - eps):
        players = {"generator": {"value": torch.tensor([x])}, "discriminator": {"value": torch.tensor([end])}}
        ends.append(float(problem.loss("discriminator", Point(players, {}), batch)[0]))
    return (ends[0] - ends[1]) / (2 * eps)


@pytest.mark.parametrize(
    ("rate", "start", "factor"), [(0.3, 0.05, 0.9), (0.7, 0.5, 1.0), (6.0, 0.09, 1.1), (6.0, 0.01, 2.0)]
)
def test_the_damping_of_the_ridge_adapts_by_the_rule_of_the_authors(rate, start, factor):
    """Their ``single_update`` in scalars: how much of the wanted change of the gradient the correction brought."""
    game, batch = dense_game()
    point, problem = point_of(game), FunctionalGame(game)
    x, y = (float(point.players[who]["value"]) for who in ("generator", "discriminator"))
    field, j = jacobian(problem, point, batch)
    moved = x - rate * field[0]
    wanted = j[1, 0] * rate * field[0]
    ridge = j[1, 1] * wanted / (j[1, 1] ** 2 + start)
    model = 1 - ((j[1, 1] * ridge - wanted) / wanted) ** 2
    change = slope(problem, batch, moved, y + ridge) - slope(problem, batch, moved, y)
    truth = 1 - ((change - wanted) / wanted) ** 2
    due = 2.0 if min(truth, truth / model) < 0 else 1.1 if truth < model / 2 else 0.9 if truth > 0.95 * model else 1.0
    assert due == factor
    solver = FollowTheRidge(SGD(0.3), SGD(rate), damping=1.0, adapt=True, tolerance=0.0)
    memory = solver.init(problem, point)
    assert float(memory["damping"]) == 1
    there, memory, info = solver(problem, point, {**memory, "damping": torch.tensor(start)}, game.draw(Key(0), (1,)))
    assert float(memory["damping"]) == pytest.approx(factor * start) == float(info["damping"])
    expected = y - 0.3 * field[1] + (0.0 if factor == 2 else ridge)
    assert float(vector(there)[1]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.long
def test_a_fixed_damping_lets_another_point_attract_and_an_adapted_one_vanishes():
    """The step on x²/2 + xy + y²/4 with H⁻¹ = H/(H² + δ), by hand: at δ = 1 its radius is below 1, at 0 above."""
    h, game = 0.1, TOYS["quadratic"](1.0, 1.0, -0.5)
    assert game.truth[0].kind == "neither"
    for damping in (1.0, 0.0):
        inverse = -0.5 / (0.25 + damping)
        step = np.array([[1 - h, -h], [h - inverse * h, 1 + h / 2 - inverse * h]])
        radius = np.abs(np.linalg.eigvals(step)).max()
        points, _, _ = play(FollowTheRidge(SGD(h), SGD(h), damping=damping), game, 60)
        there = np.linalg.matrix_power(step, 60) @ [1, 1]
        np.testing.assert_allclose(vector(points[-1]).numpy(), there, rtol=1e-4, atol=1e-6)
        assert (radius < 1) == (damping == 1)
    points, _, memory = play(FollowTheRidge(SGD(h), SGD(h), adapt=True), game, 120)
    assert distances(points)[-1] > 10 * distances(points)[0]
    assert float(memory["damping"]) == pytest.approx(0.9**120)


def arrives(solver, game, steps: int = 60) -> bool:
    """Whether play ends nearer than it began, by at least ten times; it must then have left, if it did not."""
    found = distances(play(solver, game, steps)[0])
    assert found[-1] < 0.1 * found[0] or found[-1] > 2 * found[0]
    return found[-1] < found[0]


def neither():
    """Descent is attracted (trace and determinant 0.5), but y sits on its own worst point: f_yy = 0.5 > 0."""
    return TOYS["quadratic"](1.0, 1.0, -0.5)


ATTRACTED = [
    # game, its kind, who arrives: descent, follow the ridge, surgery
    (lambda: TOYS["quadratic"](0.5, 1.0, 0.5), "local Nash", True, True, True),
    (TOYS["daskalakis_panageas"], "local minimax", True, True, False),
    (TOYS["time_scales"], "local minimax", False, True, False),
    (neither, "neither", True, False, False),
]


@pytest.mark.long
@pytest.mark.parametrize(("make", "kind", "descent", "ridge", "surgery"), ATTRACTED)
def test_only_local_minimax_attracts_the_ridge_and_only_local_nash_surgery(make, kind, descent, ridge, surgery):
    assert make().truth[0].kind == kind
    assert arrives(Simultaneous(SGD(0.4), SGD(0.4)), make()) == descent
    assert arrives(FollowTheRidge(SGD(0.4), SGD(0.4)), make()) == ridge
    assert arrives(LocalSymplecticSurgery(SGD(0.4), SGD(0.4)), make()) == surgery


def inertia(h: float, beta: complex, alternating: bool) -> float:
    """The spectral radius of momentum on xy, as a real matrix on (x, y) and the real and imaginary buffers."""
    turn = np.array([[beta.real, -beta.imag], [beta.imag, beta.real]])
    # order: x, y, x's buffer (2), y's buffer (2); the discriminator y moves first
    discriminator, generator = np.eye(6), np.eye(6)
    discriminator[4:] = 0
    discriminator[4:, 4:] = turn
    discriminator[4, 0] = -1  # ∇_y J_D = −x
    discriminator[1] = np.eye(6)[1] - h * discriminator[4]
    generator[2:4] = 0
    generator[2:4, 2:4] = turn
    generator[2, 1] = 1  # ∇_x J_G = y
    generator[0] = np.eye(6)[0] - h * generator[2]
    both = discriminator.copy()
    both[[0, 2, 3]] = generator[[0, 2, 3]]
    return float(np.abs(np.linalg.eigvals(generator @ discriminator if alternating else both)).max())


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("rule", "beta", "alternating", "converges"),
    [
        (lambda h: NegativeMomentum(h), -0.5, True, True),
        (lambda h: NegativeMomentum(h), -0.5, False, False),
        (lambda h: Momentum(h, 0.5), 0.5, True, False),
        (lambda h: ComplexMomentum(h, 0.8), 0.8 * np.exp(0.3926991j), False, True),
        (lambda h: ComplexMomentum(h, 0.8), 0.8 * np.exp(0.3926991j), True, True),
        (lambda h: ComplexMomentum(h), 0.9 * np.exp(0.3926991j), False, False),
    ],
)
def test_which_momentum_converges_on_the_bilinear_game(rule, beta, alternating, converges):
    h, kind = 0.1, Alternating if alternating else Simultaneous
    theory = inertia(h, complex(beta), alternating)
    assert (theory < 1) == converges
    points, _, _ = play(kind(rule(h), rule(h)), TOYS["bilinear"](), 400)
    assert rate(points) == pytest.approx(theory, abs=2e-3)


def test_complex_momentum_at_angle_0_and_half_a_turn_is_real_momentum():
    for angle, momentum in ((0.0, Momentum(0.1, 0.6)), (math.pi, NegativeMomentum(0.1, -0.6))):
        pair = []
        for rule in (ComplexMomentum(0.1, 0.6, angle), momentum):
            points, _, _ = play(Simultaneous(rule, rule), TOYS["quadratic"](), 20)
            pair.append(vector(points[-1]))
        torch.testing.assert_close(*pair, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("rule", [SGD(0.2), SGD(0.01), Adam(0.5)], ids=["at the bound", "below it", "adaptive"])
def test_steps_that_would_ascend_are_refused(rule):
    play = FastExtragradient(SGD(1.0), rule, comonotonicity=-0.1).double()
    game = TOYS["weak_minty"]().double()
    with pytest.raises(ValueError, match=r"comonotonicity=-0\.1 needs plain descent at a learning rate above 0\.2"):
        play.init(FunctionalGame(game), point_of(game))
