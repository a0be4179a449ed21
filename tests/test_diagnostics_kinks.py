"""Verdicts where no linear picture holds: costs with kinks, fields that vanish nowhere, moves with a bound."""

import pytest
import torch

import nashpath as nash
from nashpath.core import FunctionalGame, Game, point_of
from nashpath.diagnostics import Linearised, RunSummary, findings, statements
from nashpath.games.toys import Vector
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin
from nashpath.solvers import SGD, Alternating, Simultaneous


class Written(Game):
    """Two numbers, or lists of such, and the two players' costs of them: the generator's x, the discriminator's y."""

    def __init__(self, costs, x, y):
        super().__init__()
        self.generator, self.discriminator = (Vector(v if isinstance(v, list) else [v]) for v in (x, y))
        self.costs = dict(zip(("generator", "discriminator"), costs))

    def draw(self, key, lead=()):
        return {}

    def forward(self, player, batch):
        return self.costs[player](self.generator.value, self.discriminator.value).sum()


def zero_sum(value):
    return value, lambda x, y: -value(x, y)


ABS = zero_sum(lambda x, y: x.abs() - y.abs())
TURNING = zero_sum(lambda x, y: x * y + 2 * x.abs() - 2 * y.abs())
HINGED = (lambda x, y: x * y + 1.5 * torch.relu(x), lambda x, y: -x * y)
CONSTANT = zero_sum(lambda x, y: x + y)
DYING = zero_sum(lambda x, y: torch.exp(x) - torch.exp(-y))


def read(costs, x, y, kind=Simultaneous, rate=0.05, wrap=lambda solver: solver, **options) -> RunSummary:
    trial = Trial(Written(costs, x, y), wrap(kind(SGD(rate), SGD(rate))))
    return diagnose_member(0, trial, begin(trial), **{"quick": True, **options}).summary


@pytest.mark.long
@pytest.mark.parametrize(
    ("costs", "x", "y", "kind", "rate", "truths"),
    [
        (ABS, 0.93, 0.31, Simultaneous, 0.05, {"goes round"}),  # it ends in steps from one side of 0 to the other
        (ABS, 0.0, 0.0, Simultaneous, 0.05, {"goes round"}),
        (TURNING, 0.93, 0.31, Simultaneous, 0.05, {"closes in", "undecided"}),  # from 1 to 0.02 in a thousand rounds
        (HINGED, -0.5, 0.2, Alternating, 0.1, {"closes in", "undecided"}),  # along x = 0, where every point is Nash
    ],
)
def test_play_across_a_kink_is_told_as_it_is_played(costs, x, y, kind, rate, truths):
    play = read(costs, x, y, kind, rate).play
    assert play.motion in truths
    assert play.played
    assert play.turn > 0


@pytest.mark.long
@pytest.mark.parametrize(("bound", "x"), [(0.5, 0.5), (2.0, 0.5), (0.5, 1e-3)])
def test_what_is_clipped_is_not_said_to_spiral_out_for_ever(bound, x):
    """Simultaneous descent on xy: the radius would grow without end, as it does where nothing is clipped."""
    costs = zero_sum(lambda x, y: x * y)
    free, held = (read(costs, x, x, wrap=wrap, rate=0.2) for wrap in (lambda s: s, lambda s: nash.Clipped(s, bound)))
    assert (free.play.motion, free.play.played) == ("spirals out", 0)
    assert "so it moves ever further off" in " ".join(one.sentence for one in findings(free))
    assert held.play.played
    assert held.play.motion == "goes round"  # from near rest, too, where it meets the bound after 300 rounds
    assert "ever further" not in " ".join(one.sentence for one in findings(held))
    assert held.play.turn == pytest.approx(2 * torch.pi / 0.2, rel=0.1)


@pytest.mark.long
@pytest.mark.parametrize("kind", [Simultaneous, Alternating])
def test_a_field_that_vanishes_nowhere_is_left_by_every_change(kind):
    seen = read(CONSTANT, 0.9, 0.3, kind, quick=False)
    assert seen.play.motion == "leaves"
    assert len(seen.tried or ()) >= 2
    assert {one.found.motion for one in seen.tried or ()} == {"leaves"}


@pytest.mark.long
def test_a_field_that_dies_away_has_no_stationary_point():
    seen = read(DYING, 0.9, 0.3, rate=0.1)
    assert seen.margins is None
    assert "no stationary point near" in seen.unknown


def test_no_step_is_called_stable_at_a_kink():
    seen = read(ABS, 0.0, 0.0)
    assert seen.margins is None
    assert "a kink at the stationary point" in seen.unknown


@pytest.mark.parametrize(
    ("cost", "kink"),
    [
        (lambda x, y: x.abs() + y**2, True),  # a jump
        (lambda x, y: x * x.abs() + x * y, True),  # a bend
        (lambda x, y: torch.relu(x) ** 2 - 3 * y, True),
        (lambda x, y: x**2 - 3 * x * y, False),
        (lambda x, y: x**3 + y**4, False),
        (lambda x, y: torch.exp(x) * torch.cos(y), False),
        (lambda x, y: 1e6 * x**2 + 1e-3 * x**3, False),
        (lambda x, y: (x - 1).abs() + y, False),  # elsewhere
        (lambda x, y: 0 * x, False),
    ],
)
def test_a_kink_is_found_where_it_is(cost, kink):
    game = Written((cost, lambda x, y: -cost(x, y)), 0.0, 0.0).double()
    assert Linearised(FunctionalGame(game), point_of(game), {}).has_kink() == kink


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("beside", "shared", "kind"),
    [
        (lambda x, y: 0 * y, True, "local minimax"),
        (lambda x, y: x**2 / 100, True, "local minimax"),
        (lambda x, y: y**2 / 2, False, "local minimax"),  # φ = x² + 2x²
        (lambda x, y: -(y**2) / 5, False, "local minimax"),  # φ = x² − 4x²/5
        (lambda x, y: -(y**2) / 3, False, "no equilibrium"),
        (lambda x, y: -(y**2), False, "no equilibrium"),
        (lambda x, y: y, False, "no equilibrium"),  # φ has the slope 2
        (lambda x, y: y**3, False, "local minimax"),
    ],
)
def test_a_leader_is_judged_by_its_own_cost_along_the_answers(beside, shared, kind):
    """V = −3x² + 4xy − y² is answered by y = 2x, and is x² then; what stands beside it is moved by that answer, too."""

    def value(x, y):
        return -3 * x**2 + 4 * x * y - y**2

    seen = read((lambda x, y: value(x, y) + beside(x, y), lambda x, y: -value(x, y)), 0.0, 0.0)
    told = " ".join(one.sentence for one in statements(seen))
    assert seen.kind == kind
    assert seen.evidence.shared == shared
    assert ("the generator's own cost along the discriminator's answers" in told) == (not shared)
