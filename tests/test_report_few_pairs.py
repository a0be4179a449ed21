"""Of two pairs nothing is decided, and of three or more equal settings are told apart in 5 % of studies at most."""

from collections.abc import Callable

import numpy as np
import pytest

from nashpath.core.math.bootstrap import grouped_needed
from nashpath.report.curves import Strand
from nashpath.report.headline import ranking
from nashpath.report.outcome import Outcome
from nashpath.report.read import ReportMember

Draw = Callable[[np.random.Generator], float]
OUTCOMES: dict[str, Draw] = {
    "normal": lambda rng: 5 + rng.normal(),
    "exponential": lambda rng: rng.exponential(),
    "two groups": lambda rng: 10 + 20 * (rng.random() < 0.5) + 0.1 * rng.normal(),
    "one in ten": lambda rng: 10 + 20 * (rng.random() < 0.1) + 0.1 * rng.normal(),
}
STUDIES = 150


def told(values: list[list[float]], paired: bool) -> str:
    parts = []
    for k, own in enumerate(values):
        first = 0 if paired else 100 * k
        members = [ReportMember(s, first + s, outcome="finished", metrics={"fid": v}) for s, v in enumerate(own)]
        parts.append(Strand(f"s{k}", {}, members, []))
    found = ranking(parts, [Outcome("done", "open")] * len(parts), [])
    assert found is not None
    return found.text


@pytest.mark.long(first=True)
@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize(("settings", "pairs"), [(2, 2), (2, 3), (2, 5), (3, 4)])
def test_equal_settings_are_seldom_told_apart(name: str, settings: int, pairs: int, paired: bool):
    """5 % of 150 studies is 7.5; 17 is beyond the .999 quantile of that. Of two pairs none is."""
    rng, called = np.random.default_rng(3), 0
    for _ in range(STUDIES):
        text = told([[OUTCOMES[name](rng) for _ in range(pairs)] for _ in range(settings)], paired)
        called += "is better than" in text
    assert called <= (17 if pairs > 2 else 0)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("settings", "needed"), [(2, 3), (3, 4), (6, 5)])
def test_so_many_pairs_decide_as_it_says(settings: int, needed: int, paired: bool):
    """Settings that are far apart are told apart from that many pairs on, and it is said of fewer."""
    values = (
        10.0 * np.arange(settings)[:, None] + 0.01 * np.random.default_rng(0).normal(size=(settings, needed))
    ).tolist()
    assert told(values, paired).startswith("s0 is better than s1")
    fewer = told([own[: needed - 1] for own in values], paired)
    assert fewer.startswith("undecided between")
    assert f"of so few members no interval decides; {needed} seeds that differ as these do would" in fewer


@pytest.mark.parametrize("error", [0.2, 0.05, 0.05 / 3, 0.05 / 15, 1e-4])
def test_the_fewest_pairs_follow_from_the_chance_of_groups(error: float):
    """n is the least with 2 · 4⁻ⁿ ≤ error: no difference but 0 of two draws is more frequent than 1 of 4."""
    n = grouped_needed(error)
    assert 2 * 4.0**-n <= error < 2 * 4.0 ** -(n - 1)
    rng = np.random.default_rng(0)
    for atoms in range(2, 9):
        chances = rng.dirichlet(np.full(atoms, 0.5), size=500)
        for apart in range(1, atoms):
            assert (chances[:, apart:] * chances[:, :-apart]).sum(1).max() <= 0.25 + 1e-12
