"""Averages of weights: a diagnosis says that it is of the raw ones, and what the averages are and are played to."""

import json

import pytest
import torch

from nashpath.diagnostics import findings, headline, statements
from nashpath.games.toys import Bilinear, Quadratic
from nashpath.run.assess.diagnose import Diagnosis, diagnose_member
from nashpath.run.engine.step import Trial, begin, hyperparameters_of, make_step
from nashpath.run.folder.run_folder import plain_json
from nashpath.solvers import AVERAGES, EMA, SGD, SOLVERS, HalfLife, PolyakAverage, PostHocEMA

RATE, STEPS = 0.2, 40
KEPT = [name for name in AVERAGES if name != "none"]
BOTH = ("discriminator", "generator")


def diagnosis(order="alternating", wrap=(), game=None, steps=STEPS, **asked) -> Diagnosis:
    solver = SOLVERS[order](SGD(RATE), SGD(RATE))
    for one in wrap:
        solver = one(solver)
    trial = Trial((game or Bilinear(x=1.0, y=1.0)).double(), solver.double())
    state, step, numbers = begin(trial), make_step(trial), hyperparameters_of(trial)
    with torch.no_grad():
        for _ in range(steps):
            state, _ = step(state, numbers, {})
    return diagnose_member(0, trial, state, **{"quick": True, "advise": False, **asked})


def of_both(kind):
    return [lambda s, who=who: kind(s, player=who) for who in BOTH]


def said(found: Diagnosis) -> list[str]:
    return [one.sentence for one in statements(found.summary) if one.code == "averages"]


def test_a_run_without_averages_says_nothing_of_them():
    found = diagnosis()
    assert (said(found), found.summary.averages) == ([], None)
    assert "averages" not in found.numbers


@pytest.mark.long(first=True)
@pytest.mark.parametrize("who", BOTH)
@pytest.mark.parametrize("name", KEPT)
def test_an_average_of_one_player_is_said_and_not_judged(name, who):
    found = diagnosis(wrap=[lambda s: AVERAGES[name](s, player=who)])
    assert len(said(found)) == 1
    assert "all of this is of the raw weights" in said(found)[0]
    assert f"an average of the {who}'s" in said(found)[0]
    assert found.summary.averages.kind is None
    assert [one.code for one in findings(found.summary)] == ["rotation"]


@pytest.mark.long
@pytest.mark.parametrize("kind", [PolyakAverage, PostHocEMA])
def test_averages_that_converge_while_play_goes_round_are_no_failure(kind):
    """Under alternating play averages on xy are a difference of two points of the orbit over h n: they fall as 1/n."""
    found = diagnosis(wrap=of_both(kind))
    seen = found.summary.averages
    assert found.summary.play.motion == "goes round"
    assert (seen.lasting, seen.nearer, seen.goal, seen.sound) == (True, True, "local Nash", True)
    assert findings(found.summary) == []
    assert headline(found.summary)[1] == "good"
    assert not any("bring nothing" in sentence or "Tried" in sentence for sentence in found.sentences)
    assert "all else here is of the raw weights" in said(found)[0]
    if kind is PolyakAverage:
        radius = 2**0.5 * (1 + RATE)  # of the orbit, at most: x² + y² − h x y is what play keeps
        last = STEPS + 3 * seen.rounds // 4
        assert seen.distances[-1] <= 2 * 2**0.5 * radius / (RATE * last)
        assert seen.distances[-1] < 0.5 * seen.distances[0]


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "order", "motion"),
    [
        (EMA, "alternating", "goes round"),
        (HalfLife, "alternating", "goes round"),
        (PolyakAverage, "simultaneous", "spirals out"),
        (EMA, "simultaneous", "spirals out"),
    ],
)
def test_averages_that_go_round_or_out_with_the_play_excuse_nothing(kind, order, motion):
    found = diagnosis(order, of_both(kind))
    assert found.summary.play.motion == motion
    assert [one.code for one in findings(found.summary)] == ["rotation"]
    assert headline(found.summary)[1] in ("open", "bad")
    assert len(said(found)) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", KEPT)
def test_the_averaged_point_is_looked_at_as_the_raw_one_is(name):
    """At the equilibrium of a quadratic both are local Nash; the gap of both is 0 there."""
    game = Quadratic(a=1.0, b=1.0, c=1.0, x=0.0, y=0.0)
    found = diagnosis(wrap=of_both(AVERAGES[name]), game=game, steps=3, quick=False, advise=True)
    seen = found.summary.averages
    assert (seen.kind, found.summary.kind, seen.at_rest) == ("local Nash", "local Nash", True)
    assert seen.exploitability["duality_gap"] == pytest.approx(0, abs=1e-9)
    assert "a local Nash equilibrium" in said(found)[0]
    entry = json.loads(plain_json(found.as_json()))
    assert entry["numbers"]["averages"]["kind"] == "local Nash"
    assert "averages" in [one["code"] for one in entry["statements"]]
