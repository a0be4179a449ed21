"""The toys' certified answers, each by means that share nothing with the package's diagnostics.

The gradient by autograd; the kind by curvatures and the Schur complement written out here, and by dense sampling of the
definitions where second derivatives decide nothing; what the pages of the games say of cycles, rates and Jacobians by
integrating the flow or by matrices written out here.
"""

import copy
import inspect
import itertools

import numpy as np
import pytest
import torch
from scipy.integrate import quad, solve_ivp
from torch.autograd.functional import hessian
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.core import Key
from nashpath.core.tree import leaves
from nashpath.games import OBJECTIVES, PENALTIES, TOYS
from nashpath.games.toys import KnownGame, ZeroSum
from nashpath.games.toys.quadratic import quadratic_kind
from nashpath.run.engine.program import Program
from nashpath.run.observe.snapshot import distance, equilibrium, strategies
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.overrides import assign
from nashpath.run.settings.resolve import resolve
from nashpath.run.settings.schema import accepts
from nashpath.solvers import AVERAGES

CASES: dict[str, list[dict]] = {
    "quadratic": [dict(zip("abc", k)) for k in itertools.product((-2.0, 0.0, 1.5), (0.0, 1.0), (-1.0, 0.0, 1.0))],
    "almost_bilinear": [{"epsilon": e} for e in (-0.3, 0.0, 0.01, 1.0)],
    "bilinear": [{"strength": 3.0, "dimension": 2}],
    "degenerate": [{"p": p, "q": q, "b": b} for p in (2, 3, 4, 5) for q in (2, 3, 4, 5) for b in (0.0, -0.7)],
    "weak_minty": [{"rotation": 1.0, "repulsion": 0.0}, {"rotation": 0.1, "repulsion": 2.0}],
    "stiff": [{"fast": 1e4, "slow": 1e-3, "rotation": 3.0}],
    "random_quadratic": [
        {"form": form, "dimension": n, "instance": k}
        for form in ("definite", "indefinite", "skew", "degenerate")
        for n in (1, 2, 4)
        for k in range(2)
    ],
    "gaussian": [
        {"loss": loss, "learns": learns, "mean": m, "deviation": s, "r1": r1}
        for loss in ("wasserstein", "minimax")
        for learns in ("shift", "shift_and_scale")
        for m, s, r1 in ((0.0, 1.0, 0.0), (-0.7, 0.6, 0.3))
    ],
}
"""Settings beside the defaults under which a toy's answer is checked."""
ALL = [(name, settings) for name in TOYS for settings in [{}, *CASES.get(name, [])]]
FLAT = 1e-6


def double(make, **settings):
    """A toy whose every number is float64 from the start."""
    torch.set_default_dtype(torch.float64)
    try:
        return make(**settings)
    finally:
        torch.set_default_dtype(torch.float32)


def cost(game, who: str, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """What a player pays at (x, y), differentiable in both."""
    batch = {k: v.double() if torch.is_tensor(v) else v for k, v in game.draw(Key(0)).items()}
    there = {"generator.value": x, "discriminator.value": y}
    return torch.func.functional_call(game, there, (who, batch))


def place(truth) -> tuple[torch.Tensor, torch.Tensor]:
    x, y = (torch.tensor(truth.point[who], dtype=torch.float64) for who in ("generator", "discriminator"))
    return x, y


@pytest.mark.parametrize("name", TOYS)
def test_every_toy_states_a_truth_by_default(name):
    """One place at least, with a source; the first is where distances are measured from."""
    game = TOYS[name]()
    assert issubclass(TOYS[name], KnownGame)
    assert len(game.truth) >= 1
    for truth in game.truth:
        assert set(truth.point) == set(game.players) == set(game.equilibrium)
        assert len(truth.source) > 10
        for who, there in truth.point.items():
            assert len(there) == game.get_submodule(who).value.numel()
    for who, there in game.truth[0].point.items():
        assert np.array_equal(np.broadcast_to(game.equilibrium[who], len(there)), there)


@pytest.mark.parametrize(("name", "settings"), ALL)
def test_the_gradients_vanish_where_the_truth_says(name, settings):
    game = double(TOYS[name], **settings)
    for truth in game.truth:
        x, y = (v.requires_grad_() for v in place(truth))
        (gx,) = torch.autograd.grad(cost(game, "generator", x, y), x)
        (gy,) = torch.autograd.grad(cost(game, "discriminator", x, y), y)
        assert max(float(gx.abs().max()), float(gy.abs().max())) < 1e-14


def by_curvature(game, x, y) -> str | None:
    """The kind by second derivatives; None where they do not decide (Jin et al. 2020, Propositions 5, 6, 19, 20)."""
    n = len(x)

    def paid(who, z):
        return cost(game, who, z[:n], z[n:])

    of_x = hessian(lambda z: paid("generator", z), torch.cat([x, y])).numpy()
    of_y = hessian(lambda z: paid("discriminator", z), torch.cat([x, y])).numpy()
    own_x, own_y = np.linalg.eigvalsh(of_x[:n, :n]), np.linalg.eigvalsh(of_y[n:, n:])
    if own_y.min() < -FLAT:
        return "neither"
    if own_y.min() <= FLAT:
        return None
    if own_x.min() > FLAT:
        return "local Nash"
    if own_x.min() >= -FLAT:
        return None
    schur = of_x[:n, :n] - of_x[:n, n:] @ np.linalg.inv(-of_y[n:, n:]) @ of_x[n:, :n]
    lowest = np.linalg.eigvalsh(schur).min()
    return None if abs(lowest) <= FLAT else "local minimax" if lowest > 0 else "neither"


FINE = np.concatenate([[0.0], g := np.geomspace(1e-9, 1, 2001), -g])
"""Answers of every size: each is within 0.5 % of one of these, and their best value within 3e-5 of the best of all."""


def by_sampling(f, x0: float, y0: float) -> str:
    """The kind of a point of a scalar zero-sum game, by the definitions, on grids of shrinking size.

    Minimax in the equivalent form of Jin et al. 2020, Lemma 16: y₀ maximises f(x₀, ·) nearby, and x₀ minimises the
    greatest f(·, y) with y within ε, for every small ε; x within ε³, which is nearer than any answer has to be.
    """
    nash = minimax = True
    for radius in (0.1, 0.05):
        near = np.linspace(-1, 1, 401)
        here = f(x0, y0)
        slack = 1e-15 * abs(here)
        if (f(x0, y0 + radius * near) > here + slack).any():
            return "neither"
        nash &= bool((f(x0 + radius * near, y0) >= here - slack).all())
        answers = f(x0 + radius**3 * near[:, None], y0 + radius * FINE)
        minimax &= bool((answers.max(1) >= here - slack).all())
    return "local Nash" if nash else "local minimax" if minimax else "neither"


def scalar(game):
    """A scalar game's value on numpy grids."""

    def f(x, y):
        x, y = np.broadcast_arrays(x, y)
        grids = (torch.as_tensor(v.reshape(-1, 1)) for v in (x, y))
        with torch.no_grad():
            return torch.func.vmap(game.value)(*grids).numpy().reshape(x.shape)

    return f


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("name", "settings"), ALL)
def test_the_kind_is_the_one_that_the_truth_says(name, settings):
    game = double(TOYS[name], **settings)
    for truth in game.truth:
        x, y = place(truth)
        found = by_curvature(game, x, y)
        if isinstance(game, ZeroSum) and len(x) == len(y) == 1:
            sampled = by_sampling(scalar(game), float(x), float(y))
            assert found in (sampled, None)
            found = sampled
        if found is None:  # several coordinates and flat ones among them: nobody gains anywhere nearby
            rng = torch.Generator().manual_seed(0)
            found = "local Nash"
            for who, own in (("generator", 0), ("discriminator", 1)):
                for _ in range(100):
                    there = [x, y]
                    step = torch.randn(len(there[own]), generator=rng, dtype=torch.float64)
                    there[own] = there[own] + 0.1 * step
                    if cost(game, who, *there) < cost(game, who, x, y) - 1e-14:
                        found = f"{who} gains"
        assert found == truth.kind


def test_the_kind_of_a_quadratic_with_flat_directions():
    """By sampling both definitions in the plane: C of rank one, seen and unseen by x."""
    circle = np.stack([np.cos(t := np.linspace(0, 2 * np.pi, 73)), np.sin(t)], 1)
    found = set()
    for a1, a2, b1, b2, c2 in itertools.product((-1.0, 1.0), (-1.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.5, 2.0)):
        a, b, c = np.diag([a1, a2]), np.diag([b1, b2]), np.diag([0.0, c2])
        y = np.concatenate([0.1 * r * circle for r in np.linspace(0, 1, 101)])
        x = np.concatenate([1e-3 * r * circle for r in (0.0, 0.1, 1.0)])
        own = 0.5 * np.einsum("ki,ij,kj->k", x, a, x)
        paid = own[:, None] + x @ b @ y.T - 0.5 * np.einsum("ki,ij,kj->k", y, c, y)
        # answers lie on a grid: their best value is missed by less than 1e-9 where x is 1e-3 long
        kind = "local Nash" if own.min() >= 0 else "local minimax" if paid.max(1).min() >= -2e-8 else "neither"
        assert quadratic_kind(a, b, c) == kind
        found.add(kind)
    assert found == {"local Nash", "local minimax", "neither"}


def flow(game, z, span, **options):
    """The flow that descends, from z."""

    def field(_, z):
        x, y = (torch.tensor([v], requires_grad=True) for v in z)
        if isinstance(game, ZeroSum):
            gx, gy = torch.autograd.grad(game.value(x, y), (x, y))
            return [-float(gx), float(gy)]
        gx, gy = (torch.autograd.grad(cost(game, w, x, y), v)[0] for w, v in (("generator", x), ("discriminator", y)))
        return [-float(gx), -float(gy)]

    return solve_ivp(field, (0, span), z, method="DOP853", rtol=1e-6, atol=1e-8, **options)


def crossings(game, radius: float, span: float) -> tuple[np.ndarray, np.ndarray]:
    """Times and distances at which the flow passes the critical point on its side of larger x."""
    x0, y0 = (float(v) for v in place(game.truth[0]))

    path = flow(game, [x0 + radius, y0], span, events=lambda _, z: z[1] - y0)
    passed = [(t, z[0] - x0) for t, z in zip(path.t_events[0], path.y_events[0]) if t > 0.1 and z[0] > x0]
    return tuple(np.array(passed).T)


@pytest.mark.long
def test_forsaken_has_an_unstable_cycle_inside_a_stable_one():
    game = double(TOYS["forsaken"])
    assert (np.diff(crossings(game, 0.13, 60)[1]) < 0).all()
    assert crossings(game, 0.15, 60)[1][-1] > 0.2
    for start in (0.3, 1.6):
        times, radii = crossings(game, start, 40)
        assert radii[-1] == pytest.approx(1.2699, abs=1e-3)
        assert times[-1] - times[-2] == pytest.approx(7.549, abs=5e-3)


def test_the_forsaken_point_is_the_only_critical_one():
    """∂f/∂y = 0 gives x = φ'(y); along that curve ∂f/∂x changes sign once."""

    def slope(z):
        return z / 2 - 2 * z**3 + z**5

    y = np.linspace(-3, 3, 2_000_001)
    signs = np.sign(y - 0.45 + slope(slope(y)))
    (changes,) = np.nonzero(np.diff(signs))
    assert y[changes] == pytest.approx([TOYS["forsaken"]().equilibrium["discriminator"]], abs=1e-5)


@pytest.mark.long
@pytest.mark.parametrize(("epsilon", "accuracy"), [(0.1, 0.005), (0.5, 0.03)])
def test_almost_bilinear_ends_on_its_cycle_from_both_sides(epsilon, accuracy):
    game = double(TOYS["almost_bilinear"], epsilon=epsilon)
    for start in (0.5, 3.0):
        assert crossings(game, start, 80)[1][-1] == pytest.approx(2 / 3**0.5, rel=accuracy)


@pytest.mark.long
def test_almost_bilinear_with_the_other_sign_arrives_from_inside_and_leaves_from_outside():
    game = double(TOYS["almost_bilinear"], epsilon=-0.1)
    inside, outside = crossings(game, 1.0, 40)[1], crossings(game, 1.3, 20)[1]
    assert (np.diff(inside) < 0).all()
    assert (np.diff(outside) > 0).all()


def field_matrix(game) -> np.ndarray:
    """The matrix of (∇_G J_G, ∇_D J_D) at the truth, by autograd."""
    x, y = place(game.truth[0])
    n = len(x)

    def field(z):
        x, y = z[:n], z[n:]
        rows = [torch.func.grad(lambda x: cost(game, "generator", x, y))(x)]
        return torch.cat([*rows, torch.func.grad(lambda y: cost(game, "discriminator", x, y))(y)])

    return torch.func.jacrev(field)(torch.cat([x, y])).numpy()


@pytest.mark.parametrize(("name", "ratio"), [("time_scales", 3.0), ("minimax_not_nash", 1.0)])
def test_two_time_scales_arrive_beyond_the_ratio_that_is_said(name, ratio):
    matrix = field_matrix(double(TOYS[name]))
    for r in (0.5, ratio * 0.99, ratio * 1.01, 10.0, 1000.0):
        assert (np.linalg.eigvals(np.diag([1, r]) @ matrix).real.min() > 0) == (r > ratio)
    usual = {who: TOYS[name].defaults[f"solver.{who}"]["learning_rate"] for who in ("generator", "discriminator")}
    assert usual["discriminator"] / usual["generator"] == pytest.approx(10)


def test_descent_is_drawn_to_the_point_of_daskalakis_and_panageas():
    found = np.linalg.eigvals(field_matrix(double(TOYS["daskalakis_panageas"])))
    assert sorted(found.real) == pytest.approx([0.2, 0.55], abs=5e-3)
    assert abs(found.imag).max() == 0


def test_minimax_not_nash_is_a_centre_at_equal_rates():
    found = np.linalg.eigvals(field_matrix(double(TOYS["minimax_not_nash"])))
    assert found.real == pytest.approx([0, 0], abs=1e-12)
    assert sorted(found.imag) == pytest.approx([-(21**0.5), 21**0.5])


def test_the_soft_player_of_the_stiff_game_is_as_slow_as_is_said():
    found = np.sort(np.linalg.eigvals(field_matrix(double(TOYS["stiff"]))).real)
    assert found == pytest.approx([0.1 + 1 / 100, 100], rel=2e-3)


@pytest.mark.parametrize("c", [-0.05, -0.1, -0.3, -0.45, -0.6])
def test_extragradient_on_the_weak_minty_game(c):
    """One round as a matrix: t/L is the learning rate, c = −repulsion/L = ρL."""
    game = double(TOYS["weak_minty"], rotation=2 * (1 - c * c) ** 0.5, repulsion=-2 * c)
    matrix, eye = field_matrix(game), np.eye(2)
    length = np.linalg.norm(matrix, 2)
    assert length == pytest.approx(2)
    z = np.array([0.3, -1.2])
    rho = (matrix @ z) @ z / np.sum((matrix @ z) ** 2)
    assert rho == pytest.approx(c / length)
    for t in (1e-3, 0.1, 0.5, 0.8, 1.0, 1.3):
        one_round = eye - t / length * matrix @ (eye - t / length * matrix)
        squared = np.linalg.norm(one_round, 2) ** 2 - 1
        assert squared == pytest.approx(t * (-2 * c + t * (4 * c * c - 1) - 2 * c * t * t + t**3), abs=1e-12)
    assert np.linalg.norm(eye - matrix / length @ (eye - matrix / length), 2) > 1
    shorter = [np.linalg.norm(eye - k * matrix / length @ (eye - matrix / length), 2) for k in (1e-3, 1e-2, 0.05)]
    assert (min(shorter) < 1) == (c > -0.5)


def test_the_window_of_extragradient_is_as_said():
    c = -0.1
    t = np.linspace(1e-3, 1, 100_000)
    inside = t[-2 * c + t * (4 * c * c - 1) - 2 * c * t**2 + t**3 < 0]
    assert (inside.min(), inside.max()) == pytest.approx((0.23, 0.735), abs=0.005)


@pytest.mark.parametrize("settings", CASES["gaussian"])
def test_the_jacobian_of_the_gaussian_gan_is_the_one_on_its_page(settings):
    m, s, r1 = settings["mean"], settings["deviation"], settings["r1"]
    kappa = 1.0 if settings["loss"] == "wasserstein" else 0.5
    mixed, steep = np.array([[1, m], [0, s]]), np.array([[1, m], [m, m * m + s * s]])
    third, fourth = m**3 + 3 * m * s * s, m**4 + 6 * m * m * s * s + 3 * s**4
    square = np.array([[m * m + s * s, third / 2], [third / 2, fourth / 4]])
    rows = mixed if settings["learns"] == "shift_and_scale" else mixed[:1]
    expected = np.block(
        [[np.zeros((len(rows), len(rows))), -kappa * rows], [kappa * rows.T, r1 * steep + (1 - kappa) * square]]
    )
    assert field_matrix(double(TOYS["gaussian"], **settings)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("loss", ["wasserstein", "minimax"])
def test_the_expectations_of_the_gaussian_gan_are_integrals(loss):
    m, s, b, a, w, u, r1 = -0.4, 0.8, 0.3, 1.4, 0.7, -0.5, 0.2
    game = double(TOYS["gaussian"], loss=loss, mean=m, deviation=s, r1=r1)

    def mean(function, shift, scale):
        density = lambda z: np.exp(-z * z / 2) / (2 * np.pi) ** 0.5  # noqa: E731
        return quad(lambda z: density(z) * function(shift + scale * z), -12, 12, epsabs=1e-13)[0]

    def critic(x):
        return w * x + u * x * x / 2

    if loss == "wasserstein":
        expected = mean(critic, m, s) - mean(critic, b, a)
    else:
        expected = -mean(lambda x: np.logaddexp(0, -critic(x)), m, s)
        expected -= mean(lambda x: np.logaddexp(0, critic(x)), b, a)
    expected -= r1 / 2 * mean(lambda x: (w + u * x) ** 2, m, s)
    x, y = (torch.tensor(v, dtype=torch.float64) for v in ([b, a], [w, u]))
    assert float(game.value(x, y)) == pytest.approx(expected, abs=1e-9)


def shrinkage(objective: str, theta: float, psi: float) -> float:
    """d(θ² + ψ²)/dt of the Dirac-GAN's flow without penalty."""
    game = double(TOYS["dirac"], objective=OBJECTIVES[objective]())
    x, y = (torch.tensor([v], dtype=torch.float64, requires_grad=True) for v in (theta, psi))
    gx, gy = (torch.autograd.grad(cost(game, w, x, y), v)[0] for w, v in (("generator", x), ("discriminator", y)))
    return -2 * float(theta * gx + psi * gy)


POINTS = [(0.3, 0.4), (-0.3, 0.4), (1.0, 1.0), (2.0, -0.4)]


@pytest.mark.parametrize("objective", ["wasserstein", "minimax", "f_gan", "neural_net_distance", "hinge"])
def test_orbits_of_the_dirac_gan_that_neither_shrink_nor_grow(objective):
    assert [shrinkage(objective, *at) for at in POINTS] == pytest.approx([0] * 4, abs=1e-12)


@pytest.mark.parametrize("objective", ["non_saturating", "relativistic"])
def test_orbits_of_the_dirac_gan_that_shrink(objective):
    expected = [-2 * t * p * np.tanh(t * p / 2) for t, p in POINTS]
    assert [shrinkage(objective, *at) for at in POINTS] == pytest.approx(expected)


@pytest.mark.long
def test_least_squares_stops_the_dirac_gan_anywhere_on_a_line():
    game = double(TOYS["dirac"], objective=OBJECTIVES["least_squares"]())
    assert abs(np.linalg.eigvals(field_matrix(game))).max() < 1e-7
    end = flow(game, [1.0, 1.0], 200).y[:, -1]
    assert abs(end[1]) < 1e-6 < 0.5 < end[0]


ALONE = [k for k in OBJECTIVES if k not in ("feature_matching", "joint_batch") and OBJECTIVES[k]().outputs == 1]


@pytest.mark.parametrize(("objective", "penalty"), list(itertools.product(ALONE, PENALTIES)))
def test_nobody_gains_at_the_dirac_gans_truth_and_somebody_does_where_there_is_none(objective, penalty):
    game = double(TOYS["dirac"], objective=OBJECTIVES[objective](), penalty=PENALTIES[penalty]())
    zero, near = torch.zeros(1, dtype=torch.float64), torch.tensor([-0.2, 0.1, 0.2], dtype=torch.float64)
    moved = {"generator": [(v, zero) for v in near.split(1)], "discriminator": [(zero, v) for v in near.split(1)]}

    def priced(who, at):
        return cost(copy.deepcopy(game), who, *at)  # penalties with state remember what they were shown

    here = {who: priced(who, (zero, zero)) for who in moved}
    gains = [here[who] - priced(who, at) for who, there in moved.items() for at in there]
    assert (max(gains) <= 1e-12) == bool(game.truth)
    assert [truth.kind for truth in game.truth] in ([], ["local Nash"])


def test_penalties_that_want_slope_one_leave_the_dirac_gan_without_a_truth():
    with_slope = {name for name in PENALTIES if not TOYS["dirac"](penalty=PENALTIES[name]()).truth}
    assert with_slope == {"wgan_gp", "gan_gp", "dragan", "dragan_centred", "sobolev"}


def test_random_games_are_the_same_again_and_differ_by_instance():
    one, again, other = (TOYS["random_quadratic"](instance=k) for k in (0, 0, 1))
    assert all(torch.equal(a, b) for a, b in zip(one.buffers(), again.buffers(), strict=True))
    assert not torch.equal(one.coefficients.a, other.coefficients.a)


@pytest.mark.parametrize(("form", "low", "high"), [("definite", 0.2, 1), ("indefinite", -1, 1), ("skew", 0, 0)])
def test_eigenvalues_of_random_games_are_in_the_range_of_their_form(form, low, high):
    for k in range(20):
        game = double(TOYS["random_quadratic"], form=form, dimension=4, instance=k)
        for matrix in (game.coefficients.a, game.coefficients.c):
            values = np.linalg.eigvalsh(matrix.numpy())
            assert low - 1e-12 <= values.min() <= values.max() <= high + 1e-12
            assert form != "indefinite" or values.min() <= -0.2
            assert form != "skew" or not matrix.any()


ROUNDS = 600
ENDS = {
    "bilinear": (1.3, 1.6),
    "quadratic": (0, 0.01),
    "dirac": (1.3, 1.5),
    "saddle": (0, 0.02),
    "salimans": (0.7, 1.6),
    "forsaken": (1.0, 2.0),
    "almost_bilinear": (1.0, 1.5),
    "minimax_not_nash": (0, 1e-6),
    "daskalakis_panageas": (0, 1e-4),
    "weak_minty": (0, 1e-4),
    "stiff": (0.2, 0.6),
    "degenerate": (0.01, 0.03),
    "time_scales": (0, 1e-4),
    "random_quadratic": (0, 1e-6),
    "gaussian": (0, 1e-3),
}
"""Distances from the critical point after the default play: arrived, circling, or (stiff, degenerate) on the way."""


def test_every_toy_has_an_end():
    assert set(ENDS) == set(TOYS)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", ENDS)
def test_the_default_play_of_a_toy_shows_its_theory(name):
    trial = build_trial(resolve(assign({}, [("game", name)])), 0)
    program = Program([trial], [0])
    program.run(ROUNDS)
    low, high = ENDS[name]
    assert low <= distance(trial, program.train_state(0))["distance"] <= high
    assert all(torch.isfinite(v).all() for v in leaves(program.train_state(0).point))


def test_a_distance_is_measured_coordinate_by_coordinate():
    trial = build_trial(resolve(assign({}, [("game", "gaussian"), ("game.mean", 3.0), ("game.deviation", 2.0)])), 0)
    state = Program([trial], [0]).train_state(0)
    assert distance(trial, state)["distance"] == pytest.approx((3.0**2 + 1.5**2) ** 0.5)
    assert equilibrium(trial)["equilibrium"].tolist() == [3.0, 0.0]
    assert strategies(state).tolist() == [0.0, 0.0, 0.5, 0.0]


@pytest.mark.long(first=True)
@pytest.mark.parametrize("kind", [kind for kind in AVERAGES if "player" in accepts(AVERAGES[kind])])
def test_averages_of_all_players_are_those_of_each_and_are_what_a_toy_is_judged_by(kind):
    """Of one player alone no distance is measured: beside the other's present strategy it is nowhere play has been."""
    found = {}
    for player in ("generator", "discriminator", "all"):
        trial = build_trial(
            resolve(assign({}, [("game", "bilinear"), ("average", kind), ("average.player", player)])), 0
        )
        program = Program([trial], [0])
        program.run(40)
        state = program.train_state(0)
        found[player] = trial.solver.averages(state.memory), distance(trial, state)["distance"], strategies(state)
    averages, away, played = found["all"]
    apart = {who: found[who][0][who] for who in averages}
    assert averages == apart
    assert sorted(averages) == ["discriminator", "generator"]
    assert away == pytest.approx(torch.cat([averages[who]["value"].flatten() for who in averages]).norm().item())
    for who in averages:
        assert found[who][1] == pytest.approx(float(np.linalg.norm(played)))


@pytest.mark.parametrize("name", TOYS)
def test_list_shows_the_truth_and_the_default_play(name):
    said = CliRunner().invoke(app, ["list", f"game.{name}"]).output
    for truth in TOYS[name]().truth:
        assert f"truth under these settings: {truth.kind} at generator (" in said
        assert truth.source in said
    assert "by default solver.generator=sgd, learning_rate" in said
    assert inspect.getdoc(TOYS[name]).splitlines()[0] in said
