"""The paper's measure of convergence against the number of steps, on monotone games with noisy gradients.

The paper bounds the expectation of the averaged variational inequality, ``1/n Σ_k E⟨z_k − z, F(z_k)⟩``, F the field of
the game without noise. Here it is asked at the solution (strongly monotone game), and at the worst z of the ball of the
start's radius (bilinear game, where it is 0 at the solution for whatever z_k). Rates of its Table 1, as known: with a
constant learning rate a, O(1/n) down to a neighbourhood of size O(a) and O(β); with n^−η, O(n^−(1 − η)).

Set-up (ours): five numbers a player, simultaneous play as in the analysis, β in [0, ½] and one β a player. All games,
learning-rate rules and seeds of one method are one stack.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from nashpath.run.program import Program
from nashpath.run.step import Trial, outcome
from nashpath.solvers import Simultaneous
from nashpath.studies.conjugate_gradient.directions import LINEAR, rule
from nashpath.studies.conjugate_gradient.stochastic_game import Shape, StochasticGame, gaps
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

MONOTONE = Shape((0.5, 0.75, 1.0, 1.25, 1.5), 1.0)
BILINEAR = Shape((0.0,) * 5, 1.0)
LOOKS = 40
DRAWN = 2
"""Seeds whose curves are kept."""
MOST_DRAWN = 100.0
"""Runs that end above this (they start at about 1) have run away, and are left out of figures."""


class Condition(NamedTuple):
    """A game, a learning rate ``rate · (n + 1)^−exponent``, and the share of all steps after which slopes are fitted.

    ``until`` is the share at which the fit ends.
    """

    game: str
    schedule: str
    rate: float
    exponent: float
    noise: float
    since: float
    until: float = 1.0


CONDITIONS = {
    "decay": Condition("monotone", "constant", 0.1, 0.0, 0.05, 0.015, 0.15),
    "plateau": Condition("monotone", "constant", 0.1, 0.0, 0.5, 0.5),
    "lower plateau": Condition("monotone", "constant", 0.025, 0.0, 0.5, 0.5),
    "root": Condition("monotone", "n^-1/2", 0.2, 0.5, 0.5, 0.1),
    "power": Condition("monotone", "n^-3/4", 0.2, 0.75, 0.5, 0.1),
    "bilinear": Condition("bilinear", "constant", 0.003, 0.0, 0.1, 0.27),
    "bilinear root": Condition("bilinear", "n^-1/2", 0.1, 0.5, 0.1, 0.1),
    "bilinear power": Condition("bilinear", "n^-3/4", 0.4, 0.75, 0.1, 0.1),
}
"""On the bilinear game the fit begins after half a turn of plain descent: before, no method can have moved far."""
SHAPES = {"monotone": MONOTONE, "bilinear": BILINEAR}


def trial(method: str, condition: Condition) -> Trial:
    """One member: the game and both players' rules."""
    rules = [rule(method, condition.rate, condition.exponent) for _ in range(2)]
    return Trial(StochasticGame(SHAPES[condition.game], condition.noise), Simultaneous(*rules))


def looks(steps: int) -> list[int]:
    """Up to ``LOOKS`` numbers of steps from 1 to ``steps``, evenly spaced on a logarithmic axis."""
    return sorted({round(steps ** (k / (LOOKS - 1))) for k in range(LOOKS)})


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a member: slope and plateau of the measure; its curve for the first seeds."""
    members = [(name, c, seed) for name, c in CONDITIONS.items() for seed in range(size.seeds)]
    trials = [trial(cell["method"], condition) for _, condition, _ in members]
    program = Program(trials, [seed for *_, seed in members], "stacked", size.compiled)
    steps, found = looks(size.steps), [[] for _ in trials]
    for end in steps:
        program.run(end - program.taken)
        for k, own in enumerate(found):
            carry = program.carry(k)
            own.append(gaps(carry.point.state, max(1, int(carry.steps)), 1.0))
    for k, (name, condition, seed) in enumerate(members):
        gap = known([pair[condition.game == "bilinear"] for pair in found[k]])
        row: Row = {"condition": name, "game": condition.game, "schedule": condition.schedule, "seed": seed}
        row |= {"outcome": outcome(trials[k], program.carry(k)), **judged(np.array(steps), gap, condition)}
        bounded = bool(gap[-1] < MOST_DRAWN)
        shown = bounded and seed < DRAWN
        curve: dict[str, Any] = {"n": steps, "gap": [float(f"{v:.4g}") for v in gap]} if shown else {}
        yield {**row, "bounded": bounded, "drawn": shown, **curve}


def known(gaps: Sequence[float]) -> np.ndarray:
    """The measure at each look; where it left the floating-point numbers it counts as 1e30."""
    return np.nan_to_num(np.array(gaps), nan=1e30, posinf=1e30).clip(max=1e30)


def judged(steps: np.ndarray, gap: np.ndarray, condition: Condition) -> dict[str, float]:
    """``slope`` of log gap against log n over the condition's window, and ``plateau``: the mean over the second half.

    With a constant rate on the monotone game the slope is that of gap − plateau. On the bilinear game, where the gap
    swings as the strategies turn, it is that of the least bound ``max_{k ≤ n} (k gap_k) / n``. Where the window is the
    second half itself, there is a plateau only.
    """
    last = int(np.searchsorted(steps, 0.5 * steps[-1]))
    plateau = float((steps[-1] * gap[-1] - steps[last] * gap[last]) / (steps[-1] - steps[last]))
    found = {"plateau": float(f"{plateau:.5g}")}
    if condition.since >= 0.5:
        return found
    level = gap
    if condition.game == "bilinear":
        level = np.maximum.accumulate(steps * gap) / steps
    elif condition.exponent == 0:
        level = gap - plateau
    inside = (steps >= condition.since * steps[-1]) & (steps <= condition.until * steps[-1])
    return found | {"slope": slope(steps[inside], level[inside])}


def slope(steps: Sequence[float] | np.ndarray, level: np.ndarray) -> float:
    """The exponent of ``level ∝ steps^slope`` by least squares on logarithms; values below 1e-12 count as that."""
    if len(steps) < 2:
        return math.nan
    return round(float(np.polyfit(np.log(steps), np.log(np.maximum(level, 1e-12)), 1)[0]), 5)


VARIATIONAL_INEQUALITY = Experiment(
    name="variational-inequality",
    about=(
        "½ x·A x + x·y − ½ y·A y with five numbers a player, x minimising: strongly monotone with A of spectrum 0.5 to "
        "1.5, or bilinear (A = 0). Each gradient has normal noise (deviation 0.5 or 0.05 in the first game, 0.1 in the "
        "second). From norm 1, both players moving at once. Learning rates: constant (0.1 and 0.025; 0.003 "
        "bilinear), n^−1/2 (0.2; 0.1) and n^−3/4 (0.2; 0.4). Measured along each run, from the field without noise: "
        "1/n Σ ⟨z_k − z, F(z_k)⟩ at the solution z = 0 (monotone), or at its worst z of norm up to 1 (bilinear; the "
        "maximum is taken run by run, which is no less than that of the expectation)."
    ),
    measure=measure,
    sizes={"quick": Size(seeds=2, steps=120), "default": Size(seeds=16, steps=4000)},
    cells=[{"method": method} for method in LINEAR],
    figures=[
        Lines(
            "Constant rate on the monotone game, little noise",
            "It falls as 1/n until the noise's plateau is left. Momentum 0.9 runs away and is not drawn.",
            where={"condition": "decay", "drawn": True},
            x="n",
            y="gap",
            by=("method",),
            log_x=True,
            log_y=True,
        ),
        Lines(
            "The rule n^-1/2 on the bilinear game",
            "The paper's bound falls as n^−1/2. Momentum 0.9 runs away and is not drawn.",
            where={"condition": "bilinear root", "drawn": True},
            x="n",
            y="gap",
            by=("method",),
            log_x=True,
            log_y=True,
        ),
        *(
            Strip(
                f"Exponents in n: {condition}",
                "A dot a seed; dashed: the bound's exponent. Runs that ran away (momentum 0.9) are left out.",
                where={"condition": condition, "bounded": True},
                y="slope",
                by=("method",),
                target=bound,
            )
            for condition, bound in (("root", -0.5), ("bilinear", -1.0), ("bilinear root", -0.5))
        ),
    ],
)
