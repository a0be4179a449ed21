"""Games too large to be played from beside their point: of one that nothing moves no motion is claimed.

½ x·A x + x·B y − ½ y·C y, with A and C diagonal, rests at the origin under every rule and order of moves.
"""

import pytest
import torch

from nashpath.diagnostics import RunSummary, headline, statements
from nashpath.games.toys import Quadratic
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin
from nashpath.solvers import SGD, SOLVERS, Adam, Momentum

DENSE = 256


def look(size: int, solver: str, rule, at: float = 0.0) -> RunSummary:
    rng = torch.Generator().manual_seed(size)
    a, c = (torch.diag(0.2 + 0.8 * torch.rand(size, generator=rng, dtype=torch.double)) for _ in range(2))
    b = torch.randn(size, size, generator=rng, dtype=torch.double) / size**0.5
    x, y = (torch.full((size,), at, dtype=torch.double) for _ in range(2))
    trial = Trial(Quadratic(a, b, c, x, y).double(), SOLVERS[solver](rule(), rule()).double())
    return diagnose_member(0, trial, begin(trial), quick=True, advise=False).summary


def told(seen: RunSummary) -> str:
    return " ".join(one.sentence for one in statements(seen))


@pytest.mark.long(first=True)
@pytest.mark.parametrize("size", [40, 140])
@pytest.mark.parametrize(
    ("solver", "rule"),
    [
        ("simultaneous", lambda: SGD(0.3)),
        ("alternating", lambda: Momentum(0.1, 0.5)),
        ("extragradient", lambda: SGD(50.0)),
        ("alternating", lambda: Adam(0.01)),
    ],
)
def test_of_a_large_game_that_nothing_moves_no_motion_is_claimed(solver, rule, size):
    """It rests there whether its steps would lead back from beside or, as at rates of 50, far away."""
    seen = look(size, solver, rule)
    assert (seen.kind, seen.play.motion) == ("local Nash", "undecided")
    assert "no step moves it" in told(seen)
    assert "still moving" not in told(seen)
    assert headline(seen)[1] != "good"
    assert (seen.margins is None) == ("largest stable learning rates: unknown, since" in told(seen))
    if isinstance(rule(), SGD):
        assert ("too large for the multipliers of a round" in told(seen)) == (2 * size > DENSE)


@pytest.mark.parametrize("at", [1.0, 1e-6])
def test_a_large_game_that_moves_is_still_moving(at):
    """However near its rest it is: its steps are a share of that distance."""
    seen = look(40, "simultaneous", lambda: SGD(0.3), at)
    assert seen.play.motion == "still moving"
    assert "no step moves it" not in told(seen)
