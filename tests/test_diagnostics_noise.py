"""Noise that the field at the point does not show: in the curvature alone, or in a batch that is seldom drawn."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Key, point_of
from nashpath.diagnostics import (
    Behaviour,
    Certificate,
    Linearised,
    PointEvidence,
    RunSummary,
    certify,
    headline,
    statements,
)
from nashpath.diagnostics.play_words import play_in_words
from nashpath.diagnostics.probing import Directions
from nashpath.games.toys import ZeroSum
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin
from nashpath.solvers import SGD, Simultaneous


class Noisy(ZeroSum):
    """``E f = c x² + xy − y²`` at its stationary point (0, 0), with a random part of mean 0."""

    def __init__(self, part: Any, draws: Any, bent: float = 1.0):
        super().__init__([0.0], [0.0])
        self.part, self.draws, self.bent = part, draws, bent

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        return {"n": self.draws(key, (*lead, 1))}

    def forward(self, player: str, batch: Batch) -> Tensor:
        x, y = self.generator.value, self.discriminator.value
        value = (self.bent * x**2 + x * y - y**2 + self.part(x, y, batch["n"])).sum()
        return value if player == "generator" else -value


def normal(key: Key, shape: tuple[int, ...]) -> Tensor:
    return key.normal(*shape)


def rare(share: float) -> Any:
    """0, but with probability ``share`` 1 / share."""
    return lambda key, shape: (key.uniform(*shape) < share) / share


def read(game: Noisy) -> RunSummary:
    trial = Trial(game, Simultaneous(SGD(0.1), SGD(0.1)))
    return diagnose_member(0, trial, begin(trial), quick=True).summary


SPREADS = (0.0, 0.01, 0.03, 1.0, 3.0, 40.0)
"""Standard deviations of the curvature on one batch, over its mean."""


@pytest.mark.long
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("spread", SPREADS)
@pytest.mark.parametrize("who", ["generator", "discriminator"])
def test_noise_of_the_curvature_alone_never_makes_a_wrong_point(who, spread, sign):
    """The field at (0, 0) is 0 on every batch. Far below the mean the noise decides nothing; at 1 either may be."""
    part = lambda x, y, n: spread * n * (x**2 if who == "generator" else y**2)  # noqa: E731
    seen = read(Noisy(part, normal, bent=sign))
    truth = "local Nash" if sign > 0 else "no equilibrium"
    # of −x² + xy − y² the Schur complement is −2 + 1/2 < 0: the generator gains, answered or not
    assert seen.evidence.noisy == (spread > 0)
    assert seen.evidence.stationary
    own = seen.evidence.players
    assert {own["generator"].gains, sign < 0} <= {None, sign < 0}
    assert own["discriminator"].gains in (None, False)
    if 0 < spread <= 0.03:
        assert (own["generator"].gains, own["discriminator"].gains) == (sign < 0, False)
    assert seen.kind in (truth, "undecided")
    assert (seen.kind == "undecided") <= (spread > 0)
    assert seen.kind == "undecided" or spread < 3
    if spread >= 3:  # the mean of 16 is at most 4/3 of its standard errors from 0, give or take one
        said = " ".join(one.sentence for one in statements(seen))
        assert "noisy there, over 16 batches" in said
        assert seen.margins is None
        assert "the curvature differs from batch to batch" in seen.unknown


@pytest.mark.long
@pytest.mark.parametrize("share", [0.3, 0.05, 0.005])
@pytest.mark.parametrize("part", [lambda x, y, n: n * x, lambda x, y, n: n * y, lambda x, y, n: 3 * n * x**2])
def test_a_batch_that_is_seldom_drawn_is_met(part, share):
    """Of 4,096 batches none with probability (1 − 0.005)⁴⁰⁹⁶ < 2e-9."""
    seen = read(Noisy(part, rare(share)))
    assert seen.evidence.noisy
    assert seen.evidence.alike == 0


@pytest.mark.long
@pytest.mark.parametrize("part", [lambda x, y, n: n * x, lambda x, y, n: 0 * n * x])
def test_a_batch_that_was_not_met_is_said(part):
    seen = read(Noisy(part, rare(1e-12)))
    assert (seen.kind, seen.evidence.alike) == ("local Nash", 4096)
    assert "the same on all 4,096 batches drawn" in statements(seen)[0].sentence


@pytest.mark.long(first=True)
@pytest.mark.parametrize("slope", [0.0, 1e-3])
@pytest.mark.parametrize("share", [0.1, 0.01, 0.002])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_curvature_that_few_batches_have_is_not_overlooked(sign, share, slope):
    """The mean curvature of x is −4, or 4, and that of most batches the opposite; answered it is less by 1/2."""
    part = lambda x, y, n: -3 * sign * n * x**2 + slope * (n < 0.5) * x - slope * (1 - share) * x  # noqa: E731
    seen = read(Noisy(part, rare(share), bent=sign))
    assert seen.kind in ({"no equilibrium"} if sign > 0 else {"local Nash"}) | {"undecided"}
    assert seen.evidence.level == 0


@pytest.mark.long
@pytest.mark.parametrize(("more", "kind"), [(0, "local Nash"), (2, "no equilibrium")])
@pytest.mark.parametrize("unmet", [0.0, 1e-12])
def test_curvatures_that_were_the_same_on_all_batches_are_said_to_be(more, kind, unmet):
    """Noise in the slope alone, of x² + xy + (more − 1) y²; and the rare batch, if there is one, is not met."""
    part = lambda x, y, n: 1e-4 * (n - 0.5) * x + (n < unmet) * x**2 + more * y**2  # noqa: E731
    seen = read(Noisy(part, lambda key, shape: key.uniform(*shape)))
    told = statements(seen)[0].sentence
    assert (seen.kind, seen.evidence.level) == (kind, 4096)
    assert "curvatures over 4 batches, the same on all 4,096 drawn, so a rarer one was not seen" in told


@pytest.mark.long
def test_over_how_many_batches_a_noisy_curvature_was_taken_is_said():
    told = statements(read(Noisy(lambda x, y, n: 0.01 * n * x**2, normal)))[0].sentence
    assert "curvatures over 4 batches" in told
    assert "rarer" not in told


@pytest.mark.long
@pytest.mark.parametrize("part", [lambda x, y, n: n * x * y / 3, lambda x, y, n: n * x**4])
def test_noise_of_no_own_curvature_undecides_nothing(part):
    """What couples the players, and fourth powers, make other slopes beside the point, and no other curvature at it."""
    seen = read(Noisy(part, normal))
    assert seen.evidence.players["generator"].gains is False
    assert seen.kind == "local Nash"


@pytest.mark.long
def test_of_a_game_that_draws_nothing_random_no_batches_are_said():
    seen = read(Noisy(lambda x, y, n: n * x**4, lambda key, shape: torch.ones(shape)))
    assert (seen.kind, seen.evidence.noisy, seen.evidence.alike) == ("local Nash", False, 0)
    assert "batches" not in statements(seen)[0].sentence


@pytest.mark.long(first=True)
@pytest.mark.parametrize("spread", SPREADS)
def test_the_certificate_alone_sees_it_too(spread):
    game = Noisy(lambda x, y, n: spread * n * x**2, normal).double()
    certificate = Certificate()
    seen = certificate.evidence(FunctionalGame(game), point_of(game), game.draw(Key(0), (certificate.draws,)))
    assert seen.noisy == (spread > 0)
    # a wrong sign of four batches would be six standard errors off: at most 1 in 200 by Student's t of 3 degrees
    assert certify(seen) in ({"local Nash"} if spread <= 0.03 else {"local Nash", "undecided"})


@pytest.mark.parametrize("count", [4, 16, 64])
def test_a_curvature_within_six_standard_errors_of_0_has_no_sign(count):
    """By hand: of curvatures m ± s, evenly, the standard error of the mean is s / √(n − 1)."""
    for mean, sure in ((6.1, True), (5.9, False), (-6.1, True), (-5.9, False)):
        parts = [mean + (-1) ** k * (count - 1) ** 0.5 for k in range(count)]
        hessians = [torch.tensor([[part]]).double().numpy() for part in parts]
        ways = Directions.of(sum(hessians) / count, [], hessians)
        assert bool(ways.signs[0]) == sure


SKEWED = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
    "square": lambda rng, n: rng.standard_normal(n) ** 2 - 1,
    "Student": lambda rng, n: rng.standard_t(2, n),
    "lognormal": lambda rng, n: np.exp(1.5 * rng.standard_normal(n)) - np.exp(1.125),
    "heavy lognormal": lambda rng, n: np.exp(2 * rng.standard_normal(n)) - np.exp(2),
}
"""Noise of mean 0 whose few first draws say little of its mean, or of their error."""


def told_by_draws(rows: Tensor) -> str:
    """What is told of x² + xy − y² at (0, 0) with these gradients, [draws, 2], fourfold as many at each look."""
    near = Linearised(
        FunctionalGame(Noisy(lambda x, y, n: 0 * n, normal).double()), ORIGIN, {"n": torch.zeros(1, 1)}, 1
    )
    count, seen = 4, None
    while seen is None or (seen.hidden and count < len(rows)):
        count = count if seen is None else 4 * count
        seen = Certificate(1).look(near, rows[:count])
    return certify(seen)


ORIGIN = point_of(Noisy(None, None).double())


@pytest.mark.long
@pytest.mark.parametrize("kind", SKEWED)
def test_skewed_noise_pulls_nobody_away(kind):
    """At rest, with noise of each kind: of 12 games at most one is called pulled away.

    Over 1,500 seeds and a player: .7 % of the heavy lognormal ones, none of the others; by six standard errors from
    four batches on, 44 % and 1 to 22 %.
    """
    rng = np.random.default_rng(0)
    told = [told_by_draws(torch.from_numpy(SKEWED[kind](rng, (1024, 2)))) for _ in range(12)]
    assert told.count("not stationary") <= 1


@pytest.mark.parametrize("kind", SKEWED)
def test_who_is_pulled_away_by_as_much_as_the_noise_is_long_is_told(kind):
    """The mean is the noise's range: after 16 batches, or 64, nothing unseen makes up for it."""
    rng = np.random.default_rng(1)
    noise = SKEWED[kind](rng, (1024, 2))
    assert told_by_draws(torch.from_numpy(noise + 2 * np.abs(noise).max())) == "not stationary"


@pytest.mark.long
@pytest.mark.parametrize("rate", [0.01, 0.1])
@pytest.mark.parametrize(("start", "bent"), [(0.0, 1.0), (2.0, 1.0), (0.0, 3.0)])
def test_what_one_round_says_of_noisy_play_is_said_of_its_mean(start, bent, rate):
    """A step is linear in the point, so that its mean has the multipliers of the mean field; no path was played."""
    game = Noisy(lambda x, y, n: n * x / 3 + n * y / 3, normal, bent)
    with torch.no_grad():
        game.generator.value.fill_(start)
    trial = Trial(game, Simultaneous(SGD(rate), SGD(rate)))
    seen = diagnose_member(0, trial, begin(trial), quick=True).summary
    roots = np.linalg.eigvals(np.eye(2) - rate * np.array([[2 * bent, 1.0], [-1.0, 2.0]]))
    assert (seen.play.motion, seen.play.played, seen.play.noisy) == ("closes in", 0, True)
    assert seen.play.rate == pytest.approx(np.abs(roots).max(), abs=0.2 * rate)
    told = play_in_words(seen.play)
    assert told.startswith("the mean play closes in on where the mean field vanishes at ")
    assert "rounds to 1 % in the mean, should that rate last" in told
    assert "the mean play closes in" in headline(seen)[0]
    assert "path" not in headline(seen)[0]


def test_the_mean_along_a_flat_direction_is_no_success():
    """x₁ = 0 · x: its mean stays, and noise walks it away without end."""
    told = Behaviour("closes in", 0.9, flat=1, along=0.0, noisy=True)
    assert headline(RunSummary("undecided", PointEvidence(noisy=True), told))[1] == "open"


@pytest.mark.long
def test_without_noise_nothing_is_said_of_a_mean():
    assert "mean" not in play_in_words(read(Noisy(lambda x, y, n: 0 * n * x, normal)).play)
