"""What a diagnosis says of players that a constraint holds, against games solved by hand."""

import pytest

from nashpath.core import FunctionalGame, point_of
from nashpath.diagnostics import PointEvidence, RunSummary, statements
from nashpath.run.assess.diagnose_gap import look_at_gap
from nashpath.solvers import SGD, Alternating, Clipped, Simultaneous
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


@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
def test_a_nash_point_at_a_bound_is_not_said_to_be_left(kind):
    seen = read(CORNER, 2.75, LIMIT, kind, wrap=held("discriminator"))
    assert seen.evidence.held == ["discriminator"]
    assert seen.kind == "undecided"
    assert seen.evidence.batches <= 4  # no number of them would tell
    told = {one.code: one.sentence for one in statements(seen)}
    assert "the discriminator is held by its bound" in told["undecided"]
    assert "held by its bound" in seen.unknown
    assert seen.margins is None
    gaps = responses(CORNER, 2.75, LIMIT, held("discriminator"))
    assert gaps["duality_gap"] == pytest.approx(0, abs=1e-9)
    assert gaps["perturbed_duality_gap"] <= 1e-9  # nobody gains inside the bound, from wherever it looks
    free = read(CORNER, 2.75, LIMIT, kind)
    assert free.kind == "not stationary"  # without the bound the discriminator moves on


@pytest.mark.parametrize(("x", "y", "gain"), [(0.2, 0.1, 0.08), (0.2, 0.5, 0.0), (-0.4, 0.1, 0.24), (0.4, -0.5, 0.4)])
def test_best_responses_stay_inside_the_bound(x, y, gain):
    """V = xy: at x the discriminator gains |x| / 2 − x y, no more, with |y| ≤ 1/2."""
    found = responses(BILINEAR, x, y, held("discriminator"))
    assert found["regret.discriminator"] == pytest.approx(gain, abs=1e-6)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_bound_that_holds_nobody_changes_nothing(player):
    for costs in (BILINEAR, zero_sum(lambda x, y: x**2 + x * y - y**2)):
        bounded, free = read(costs, 0.0, 0.0, wrap=held(player)), read(costs, 0.0, 0.0)
        assert bounded.evidence.held == []
        assert (bounded.kind, bounded.play.motion, bounded.margins) == (free.kind, free.play.motion, free.margins)


@pytest.mark.parametrize("x", [-0.5, 0.5])
def test_who_is_pulled_back_from_a_bound_is_not_held_by_it(x):
    """At the bound, and the slope leads inwards: the point is told as any other."""
    seen = read(zero_sum(lambda x, y: x**2 - y**2), x, 0.0, wrap=held("generator"))
    assert (seen.evidence.held, seen.kind) == ([], "not stationary")


def test_another_player_that_is_pulled_away_is_said_all_the_same():
    seen = read(CORNER, 1.0, LIMIT, wrap=held("discriminator"))
    assert (seen.evidence.held, seen.kind) == (["discriminator"], "not stationary")
    assert "held by its bound, which these numbers leave out" in statements(seen)[0].sentence
