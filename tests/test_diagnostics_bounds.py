"""What a diagnosis says of players that a constraint holds, against games solved by hand."""

import numpy as np
import pytest
import torch

from nashpath.core import FunctionalGame, point_of
from nashpath.diagnostics import Certificate, Linearised, PointEvidence, RunSummary, certify, headline, statements
from nashpath.run.assess.bounds import held_by_bounds
from nashpath.run.assess.diagnose_gap import look_at_gap
from nashpath.solvers import SGD, Alternating, Clipped, Constrained, Simultaneous
from test_diagnostics_kinks import Written, read, zero_sum

LIMIT = 0.5
CORNER = zero_sum(lambda x, y: (x - 3) ** 2 + x * y - (y - 2) ** 2)
"""With y ≤ 1/2 its Nash point is (2.75, 1/2): there ∂V/∂x = 2 (x − 3) + y = 0 and ∂V/∂y = x − 2 (y − 2) = 5.75 > 0."""
BILINEAR = zero_sum(lambda x, y: x * y)


def held(player, limit=LIMIT):
    return lambda solver: Clipped(solver, limit, player)


def responses(costs, x, y, wrap):
    """What best responses gain inside the constraints of a play."""
    game, summary = Written(costs, x, y), RunSummary("undecided", PointEvidence())
    within = wrap(Simultaneous(SGD(0.1), SGD(0.1))).within
    look_at_gap(game, FunctionalGame(game), point_of(game), summary, lambda said: None, 600.0, within)
    return summary.exploitability


@pytest.mark.long
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
def test_a_nash_point_at_a_bound_is_not_said_to_be_left(kind):
    seen = read(CORNER, 2.75, LIMIT, kind, wrap=held("discriminator"))
    assert seen.evidence.bounded == ["discriminator"]
    assert seen.kind == "local Nash"
    assert seen.play.motion == "closes in"
    told = {one.code: one.sentence for one in statements(seen)}
    assert "by a small move alone within the bounds" in told["local Nash"]
    assert "the discriminator pressed against its bound in every weight" in told["local Nash"]
    assert "held by its bound" in seen.unknown
    said, quality = headline(seen)
    assert said.startswith("local Nash within the bounds, play closes in on the point of rest at a bound")
    assert quality == "good"
    assert seen.margins is None
    gaps = responses(CORNER, 2.75, LIMIT, held("discriminator"))
    assert gaps["duality_gap"] == pytest.approx(0, abs=1e-9)
    assert gaps["perturbed_duality_gap"] <= 1e-9  # nobody gains inside the bound, from wherever it looks
    free = read(CORNER, 2.75, LIMIT, kind)
    assert free.kind == "not stationary"  # without the bound the discriminator moves on


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("x", "y", "gain"), [(0.2, 0.1, 0.08), (0.2, 0.5, 0.0), (-0.4, 0.1, 0.24), (0.4, -0.5, 0.4)])
def test_best_responses_stay_inside_the_bound(x, y, gain):
    """V = xy: at x the discriminator gains |x| / 2 − x y, no more, with |y| ≤ 1/2."""
    found = responses(BILINEAR, x, y, held("discriminator"))
    assert found["regret.discriminator"] == pytest.approx(gain, abs=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_bound_that_holds_nobody_changes_nothing(player):
    for costs in (BILINEAR, zero_sum(lambda x, y: x**2 + x * y - y**2)):
        bounded, free = read(costs, 0.0, 0.0, wrap=held(player)), read(costs, 0.0, 0.0)
        assert bounded.evidence.bounded == []
        assert (bounded.kind, bounded.play.motion, bounded.margins) == (free.kind, free.play.motion, free.margins)


@pytest.mark.parametrize("x", [-0.5, 0.5])
def test_who_is_pulled_back_from_a_bound_is_not_held_by_it(x):
    """At the bound, and the slope leads inwards: the point is told as any other."""
    seen = read(zero_sum(lambda x, y: x**2 - y**2), x, 0.0, wrap=held("generator"))
    assert (seen.evidence.bounded, seen.kind) == ([], "not stationary")


@pytest.mark.parametrize("x", [1.0, 4.0])
def test_where_play_comes_to_rest_at_a_bound_is_judged_within_it(x):
    """From any x the generator goes to 2.75, where the discriminator is pressed against 1/2: a Nash point, no fault."""
    seen = read(CORNER, x, LIMIT, wrap=held("discriminator"))
    assert (seen.play.motion, seen.goal) == ("closes in", "local Nash")
    assert headline(seen)[1] == "good"
    assert "still pulled" not in " ".join(one.sentence for one in statements(seen))


def test_another_player_that_is_pulled_away_is_said_all_the_same():
    seen = read(CORNER, 1.0, LIMIT, wrap=held("discriminator"))
    assert (seen.evidence.bounded, seen.kind) == (["discriminator"], "not stationary")
    assert "pressed against its bound" in statements(seen)[0].sentence


def seen_at(costs, x, y, *limits):
    """The evidence at a point of play under ``limits``, pairs of a bound and its player."""
    game = Written(costs, list(x), list(y)).double()
    solver = Simultaneous(SGD(0.1), SGD(0.1))
    for limit, player in limits:
        solver = Clipped(solver, limit, player)
    return looked_at(game, solver)


def looked_at(game, solver, fields=None):
    near = Linearised(FunctionalGame(game), point_of(game), {}, 1)
    rows = near.field[None] if fields is None else fields
    return Certificate(1).look(near, rows, held=held_by_bounds(solver, near, rows))


def quadratic(seed, sizes=(4, 3), bend=1.0):
    """Costs ½ xᵀP x + xᵀA y + pᵀx and ½ yᵀQ y − xᵀA y + qᵀy with random P, Q > 0, and their numbers."""
    rng = np.random.default_rng(seed)
    n, m = sizes
    roots = [rng.standard_normal((k, k)) for k in sizes]
    p, q = (bend * root @ root.T + np.eye(len(root)) for root in roots)
    a, b, c = rng.standard_normal((n, m)), 2 * rng.standard_normal(n), 2 * rng.standard_normal(m)
    pt, qt, at, bt, ct = (torch.from_numpy(v) for v in (p, q, a, b, c))
    costs = (
        lambda x, y: x @ pt @ x / 2 + x @ at @ y + bt @ x,
        lambda x, y: y @ qt @ y / 2 - x @ at @ y + ct @ y,
    )
    return costs, lambda x, y: (p @ x + a @ y + b, q @ y - a.T @ x + c)


def played(slopes, limit, sizes=(4, 3)):
    """The Nash point of a monotone game within ±limit: where small projected steps lead."""
    x, y = np.zeros(sizes[0]), np.zeros(sizes[1])
    for _ in range(40_000):
        u, v = slopes(x, y)
        x, y = np.clip(x - 0.01 * u, -limit, limit), np.clip(y - 0.01 * v, -limit, limit)
    return x, y


@pytest.mark.long(first=True)
@pytest.mark.parametrize("seed", range(6))
def test_the_nash_point_of_a_monotone_game_within_bounds_is_one(seed):
    """Strictly monotone games within a box have one Nash point, at some weights' bounds, which plain play finds."""
    costs, slopes = quadratic(seed)
    limit = 0.4
    x, y = played(slopes, limit)
    found = seen_at(costs, x, y, (limit, "generator"), (limit, "discriminator"))
    bound = [int((np.abs(own) == limit).sum()) for own in (x, y)]
    assert sum(bound) > 0
    assert [found.players[who].bound for who in ("generator", "discriminator")] == bound
    assert certify(found) == "local Nash"
    inside = seen_at(costs, 0.7 * x, 0.7 * y, (limit, "generator"), (limit, "discriminator"))
    assert (certify(inside), inside.bounded) == ("not stationary", [])
    assert certify(seen_at(costs, x, y)) == "not stationary"  # nothing holds anybody there


@pytest.mark.parametrize("limit", [1e-2, 0.5, 30.0])
@pytest.mark.parametrize("side", [-1, 1])
def test_what_presses_against_a_bound_need_not_bend_towards_it(limit, side):
    """−x² falls on beyond the bound, and no move within it gains: the player's best response is there."""
    costs = (lambda x, y: -(x**2) + 0 * y, lambda x, y: (y - x) ** 2)
    found = seen_at(costs, [side * limit], [side * limit], (limit, "generator"))
    assert (certify(found), found.players["generator"].bound) == ("local Nash", 1)
    assert certify(seen_at(costs, [0.0], [0.0], (limit, "generator"))) == "no equilibrium"


@pytest.mark.parametrize("value", [-0.5, 0.5])
def test_free_weights_beside_pressed_ones_are_asked_all_the_same(value):
    """cost = 3 x₀ + s x₁²: x₀ rests at −limit; with s < 0 the free x₁ gains to either side."""
    bowl, hill = ((lambda x, y, s=s: 3 * x[0] + s * x[1] ** 2 + 0 * y.sum()) for s in (1.0, -1.0))
    other = lambda x, y: ((y - value) ** 2).sum()  # noqa: E731
    point = ([-0.5, 0.0], [value])
    assert certify(seen_at((bowl, other), *point, (0.5, "generator"))) == "local Nash"
    found = seen_at((hill, other), *point, (0.5, "generator"))
    assert (certify(found), found.players["generator"].bound) == ("no equilibrium", 1)


def test_a_held_discriminator_does_not_answer():
    """V = −x² + x y − y, y at its lower bound and pressed: the generator gains, whoever might answer if it could."""
    costs = zero_sum(lambda x, y: -(x**2) + x * (y + 0.5) - 5 * y)
    assert certify(seen_at(costs, [0.0], [-0.5], (0.5, "discriminator"))) == "no equilibrium"
    # a discriminator that is free to answer: V = −x² + 4xy − y² is the Stackelberg point's game at 0
    free = zero_sum(lambda x, y: -(x**2) + 4 * x * y - y**2)
    assert certify(seen_at(free, [0.0], [0.0], (0.5, "discriminator"))) == "local minimax"


def test_a_gain_that_the_bound_forbids_is_none():
    """−(x − 0.5)³ at x = 0.5 falls outwards alone: without a slope nothing presses, and the bound forbids the gain."""
    costs = (lambda x, y: -((x - 0.5) ** 3) + 0 * y, lambda x, y: y**2 + 0 * x)
    assert certify(seen_at(costs, [0.5], [0.0])) == "no equilibrium"
    assert certify(seen_at(costs, [0.5], [0.0], (0.5, "generator"))) == "undecided"
    assert certify(seen_at(costs, [0.5], [0.0], (0.6, "generator"))) == "no equilibrium"


def test_noise_presses_no_weight_against_a_bound():
    """Gradients of mean 0 whose mean over four batches leads outwards by chance hold nothing."""
    game = Written((lambda x, y: (x**2).sum() + 0 * y.sum(), lambda x, y: (y**2).sum()), [0.5] * 8, [0.0])
    solver, near = Clipped(Simultaneous(SGD(0.1), SGD(0.1)), 0.5, "generator"), None
    near = Linearised(FunctionalGame(game), point_of(game), {}, 1)
    rows = torch.randn(4, near.size, generator=torch.Generator().manual_seed(0))
    assert not held_by_bounds(solver, near, rows).weights.any()
    assert held_by_bounds(solver, near, rows * 0.01 - 1).weights.sum() == 8


class Ball(Constrained):
    """A player's weights within a ball about 0."""

    def __init__(self, solver, radius=1.0, player="generator"):
        super().__init__(solver, player, radius=radius)

    def project(self, params):
        size = torch.cat([v.reshape(-1) for v in params.values()]).norm()
        return {k: v * (self.numbers.radius / size).clamp(max=1) for k, v in params.items()}


class Orthant(Constrained):
    """A player's weights, none of them negative."""

    def __init__(self, solver, player="generator"):
        super().__init__(solver, player)

    def project(self, params):
        return {k: v.clamp(min=0) for k, v in params.items()}


def test_bounds_of_ones_own():
    """x₀ ≥ 0 presses at 0 under the cost (x₀ + 1)² + (x₁ − 1)²; a ball holds no weight for itself, but a player."""
    costs = (lambda x, y: (x[0] + 1) ** 2 + (x[1] - 1) ** 2 + 0 * y.sum(), lambda x, y: (y**2).sum())
    game = Written(costs, [0.0, 1.0], [0.0]).double()
    found = looked_at(game, Orthant(Simultaneous(SGD(0.1), SGD(0.1))))
    assert (certify(found), found.players["generator"].bound) == ("local Nash", 1)
    # −2 x₀ − x₁²/2 on the unit circle bends by 2 − 1 > 0, but by −1 along the tangent: not to be told by weights
    curved = (lambda x, y: -2 * x[0] - x[1] ** 2 / 2 + 0 * y.sum(), lambda x, y: (y**2).sum())
    game = Written(curved, [1.0, 0.0], [0.0]).double()
    found = looked_at(game, Ball(Simultaneous(SGD(0.1), SGD(0.1))))
    assert (certify(found), found.held, found.bounded) == ("undecided", ["generator"], ["generator"])
