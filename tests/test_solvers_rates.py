"""Solvers are tested by their rate: closed forms on bilinear and quadratic games, and the Dirac-GAN's table."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nashpath.games import OBJECTIVES, PENALTIES, TOYS
from nashpath.solvers import (
    LOLA,
    SGD,
    SOLVERS,
    Alternating,
    CompetitiveGradient,
    Consensus,
    Extragradient,
    Lookahead,
    Optimistic,
    PastExtragradient,
    Simultaneous,
    SymplecticAdjustment,
)
from solvers_play import distances, play, rate, vector


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def characteristic(h: float) -> float:
    """The largest modulus among the roots of optimism's characteristic polynomial on xy."""
    return max(abs(np.roots([1, -(1 - 2j * h), -1j * h])))


def consensus_rate(h: float, weight: float) -> float:
    return math.sqrt((1 - h * weight) ** 2 + h * h)


BILINEAR = {
    "simultaneous": (Simultaneous, {}, lambda h: math.sqrt(1 + h * h)),
    "extragradient": (Extragradient, {}, lambda h: math.sqrt(1 - h * h + h**4)),
    "past_extragradient": (PastExtragradient, {}, characteristic),
    "optimistic": (Optimistic, {}, characteristic),
    "consensus": (Consensus, {"weight": 0.7}, lambda h: consensus_rate(h, 0.7)),
    "sga": (SymplecticAdjustment, {"weight": 0.7}, lambda h: consensus_rate(h, 0.7)),
    "sga, not aligned": (SymplecticAdjustment, {"weight": 0.7, "align": False}, lambda h: consensus_rate(h, 0.7)),
    "lola": (LOLA, {"lookahead": 0.7}, lambda h: consensus_rate(h, 0.7)),
    "cgd": (CompetitiveGradient, {}, lambda h: 1 / math.sqrt(1 + h * h)),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("h", [0.05, 0.2, 0.45])
@pytest.mark.parametrize("name", BILINEAR)
def test_the_rate_on_the_bilinear_game(name, h):
    kind, options, theory = BILINEAR[name]
    points, _, _ = play(kind(SGD(h), SGD(h), **options), TOYS["bilinear"](), 80)
    assert rate(points) == pytest.approx(theory(h), rel=1e-3)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("h", [0.05, 0.5, 1.5])
def test_alternating_play_stays_on_a_bounded_orbit(h):
    """It conserves x² + y² + h x y (the discriminator y moves first), a closed ellipse while h < 2."""
    points, _, _ = play(Alternating(SGD(h), SGD(h)), TOYS["bilinear"](), 300)
    orbit = [float(x * x + y * y + h * x * y) for x, y in map(vector, points)]
    assert orbit == pytest.approx([orbit[0]] * len(orbit), rel=1e-9)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("inner", ["alternating", "simultaneous", "extragradient"])
def test_lookahead_averages_the_inner_eigenvalues(inner):
    h, period, weight = 0.4, 5, 0.3
    matrices = {
        "alternating": np.array([[1 - h * h, -h], [h, 1.0]]),
        "simultaneous": np.array([[1.0, -h], [h, 1.0]]),
        "extragradient": np.array([[1 - h * h, -h], [h, 1 - h * h]]),
    }
    theory = abs(1 - weight + weight * np.linalg.eigvals(matrices[inner]) ** period).max()
    solver = Lookahead(SGD(h), SGD(h), weight=weight, period=period, inner=inner)
    points, _, _ = play(solver, TOYS["bilinear"](), 200)
    assert rate(points[::period]) == pytest.approx(theory, rel=0.01)


def field_matrix(a, b, c):
    """The linear field of the quadratic game, and its off-diagonal blocks."""
    m = np.block([[a, b], [-b.T, c]])
    off = np.block([[np.zeros_like(a), b], [-b.T, np.zeros_like(c)]])
    return m, off


def linear_steps(h, gamma, a, b, c):
    """What one step of each solver does to the point, as a matrix, from the formulas of the papers."""
    m, off = field_matrix(a, b, c)
    one, n = np.eye(len(m)), len(a)
    turn = (m - m.T) / 2
    generator, discriminator = one.copy(), one.copy()
    generator[:n] -= h * m[:n]
    discriminator[n:] -= h * m[n:]
    competitive = one - h * np.linalg.solve(one + h * off, m)
    stakes = np.block([[b.T, -c], [-a, -b]])  # (∂_y J_x, ∂_x J_y) as linear maps of (x, y)
    steer = np.block([[-b @ stakes[:n]], [b.T @ stakes[n:]]])
    return {
        "simultaneous": (Simultaneous, {}, one - h * m),
        "alternating": (Alternating, {}, generator @ discriminator),
        "extragradient": (Extragradient, {}, one - h * m @ (one - h * m)),
        "consensus": (Consensus, {"weight": gamma}, one - h * (m + gamma * m.T @ m)),
        "sga": (SymplecticAdjustment, {"weight": gamma, "align": False}, one - h * (m + gamma * turn.T @ m)),
        "lola": (LOLA, {"lookahead": gamma}, one - h * (m - gamma * steer)),
        "cgd": (CompetitiveGradient, {"iterations": 2 * n, "tolerance": 0.0}, competitive),
    }


blocks = st.integers(0, 2**31 - 1)


def random_game(seed: int, n: int = 2):
    rng = np.random.default_rng(seed)
    a, c = (root @ root.T / 2 for root in rng.normal(size=(2, n, n)))
    return a, rng.normal(size=(n, n)), c


@pytest.mark.long
@settings(deadline=None, max_examples=12)
@given(seed=blocks, h=st.floats(0.02, 0.3), gamma=st.floats(0.0, 0.5))
def test_predicted_eigenvalues_are_observed_on_random_quadratic_games(seed, h, gamma):
    torch.set_default_dtype(torch.float64)
    a, b, c = random_game(seed)
    for name, (kind, options, predicted) in linear_steps(h, gamma, a, b, c).items():
        columns = []
        for unit in torch.eye(4):
            game = TOYS["quadratic"](*(torch.tensor(k) for k in (a, b, c)), x=unit[:2], y=unit[2:])
            points, _, _ = play(kind(SGD(h), SGD(h), **options), game, 1)
            columns.append(vector(points[1]).numpy())
        observed = np.stack(columns, 1)
        np.testing.assert_allclose(observed, predicted, atol=1e-9, err_msg=name)


@pytest.mark.long
@settings(deadline=None, max_examples=5)
@given(seed=blocks, h=st.floats(0.02, 0.2))
def test_the_observed_rate_is_the_dominant_eigenvalue(seed, h):
    """Seen through the left eigenvector of the predicted step, each step multiplies by exactly its eigenvalue."""
    torch.set_default_dtype(torch.float64)
    a, b, c = random_game(seed)
    game = TOYS["quadratic"](*(torch.tensor(k) for k in (a, b, c)), x=torch.ones(2), y=torch.ones(2))
    for name in ("simultaneous", "extragradient", "consensus", "cgd"):
        kind, options, predicted = linear_steps(h, 0.1, a, b, c)[name]
        values, left = np.linalg.eig(predicted.T)
        top = abs(values).argmax()
        points, _, _ = play(kind(SGD(h), SGD(h), **options), game, 30)
        seen = [abs(left[:, top] @ vector(p).numpy()) for p in points]
        assert (seen[30] / seen[0]) ** (1 / 30) == pytest.approx(abs(values[top]), rel=1e-6)


# Mescheder et al. 2018, Sec. 3 and 4: which training is locally convergent on the Dirac-GAN
DIRAC = [
    ("simultaneous", "none", False),
    ("alternating", "none", False),
    ("alternating", "wgan_gp", False),
    ("alternating", "dragan", False),
    ("alternating", "r1", True),
    ("alternating", "r2", True),
    ("simultaneous", "r1", True),
    ("consensus", "none", True),
]


@pytest.mark.long(first=True)
@pytest.mark.parametrize("objective", ["minimax", "wasserstein"])
@pytest.mark.parametrize(("solver", "penalty", "converges"), DIRAC)
def test_which_training_converges_on_the_dirac_gan(objective, solver, penalty, converges):
    terms = {} if penalty == "none" else {"weight": 1.0}
    game = TOYS["dirac"](OBJECTIVES[objective](), PENALTIES[penalty](**terms))
    options = {"weight": 1.0} if solver == "consensus" else {}
    points, _, _ = play(SOLVERS[solver](SGD(0.2), SGD(0.2), **options), game, 200)
    final = distances(points)[-1]
    assert final < 0.01 if converges else final > 0.5


@pytest.mark.long
def test_the_non_saturating_dirac_gan_creeps():
    """Its eigenvalues are imaginary, too, but its flow converges sublinearly; R1 makes the convergence linear."""
    rates, finals = {}, {}
    for penalty in ("none", "r1"):
        terms = {"weight": 1.0} if penalty == "r1" else {}
        game = TOYS["dirac"](OBJECTIVES["non_saturating"](), PENALTIES[penalty](**terms))
        points, _, _ = play(Alternating(SGD(0.2), SGD(0.2)), game, 400)
        rates[penalty], finals[penalty] = rate(points), distances(points)[-1]
    assert 0.99 < rates["none"] < 1
    assert finals["none"] > 0.1
    # h = 0.2, f'(0) = 1/2, weight 1: the eigenvalue −1/2 ± sqrt(1/4 − 1/4) is double
    assert rates["r1"] < 0.95
