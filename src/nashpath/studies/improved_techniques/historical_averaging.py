"""Historical averaging on two games that descent circles: (f(x) − 1)(y − 1), the paper's, and xy.

Set-up: Salimans et al. 2016, Sec. 3.3, which gives the first game and no coefficient; starts and rate are ours. All
starts and coefficients of one game and one order of play are members of one stack; nothing is drawn.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import torch

from nashpath.core import Game
from nashpath.games.techniques import historical_averaging
from nashpath.games.toys import Bilinear
from nashpath.games.toys.salimans import Salimans
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.run.observe.snapshot import distance, strategies
from nashpath.solvers import SGD, Alternating, Simultaneous
from nashpath.studies.figures import Cloud, Lines
from nashpath.studies.population import split_steps
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

RATE = 0.01
COEFFICIENTS = (0.0, 0.1, 0.5, 1.0, 2.0)
LOOKS = 240
"""Points of a path; every sixth is a point of a curve."""
ORDERS = {"simultaneous": Simultaneous, "alternating": Alternating}


class Toy(NamedTuple):
    """A game and the points (x, y) to start it from."""

    game: type[Salimans] | type[Bilinear]
    starts: tuple[tuple[float, float], ...]


TOY_GAMES = {
    "salimans": Toy(Salimans, ((0.5, 2.0), (2.0, 3.0), (-1.0, 0.0))),
    "bilinear": Toy(Bilinear, ((1.0, 1.0), (2.0, -1.0), (-0.5, 1.5))),
}


def trial(game: Game, coefficient: float, order: str) -> Trial:
    """``game`` with historical averaging (a coefficient of 0 is none), played by plain gradient steps."""
    return Trial(historical_averaging(game, coefficient), ORDERS[order](discriminator=SGD(RATE), generator=SGD(RATE)))


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each start and coefficient: the distance to the equilibrium, at the end and on the way."""
    toy = TOY_GAMES[cell["game"]]
    conditions = list(product(toy.starts, COEFFICIENTS))
    trials = [trial(toy.game(*start), coefficient, cell["order"]) for start, coefficient in conditions]
    program = Program(trials, list(range(len(trials))), "stacked", size.compiled)
    steps, ways, paths = [0], [[_away(program, k)] for k in range(len(trials))], [[] for _ in trials]
    for look, count in enumerate(split_steps(size.steps, LOOKS), 1):
        program.run(count)
        for k in range(len(trials)):
            paths[k].append([round(float(v), 4) for v in strategies(program.train_state(k))])
            if look % 6 == 0:
                ways[k].append(_away(program, k))
        if look % 6 == 0:
            steps.append(program.taken)
    for k, (start, coefficient) in enumerate(conditions):
        row: Row = {"start": f"({start[0]:g}, {start[1]:g})", "coefficient": coefficient}
        row |= {
            "outcome": outcome(trials[k], program.train_state(k)),
            "distance": _away(program, k),
            "began": ways[k][0],
        }
        yield row | {"step": steps, "distance_curve": ways[k]} | _path(start == toy.starts[0], paths[k])


def _away(program: Program, member: int) -> float:
    return significant(distance(program.trials[member], program.train_state(member))["distance"], 5)


def _path(first: bool, points: list[Any]) -> Row:
    return {"path": points} if first else {}


def growth(steps: int) -> float:
    """The factor by which simultaneous steps on xy multiply the distance: ``(1 + RATE²)^(steps/2)``."""
    return float(torch.tensor(1 + RATE**2, dtype=torch.float64).pow(steps / 2))


HISTORICAL_AVERAGING = Experiment(
    name="historical-averaging",
    about=(
        "Two players of one number each: (f(x) − 1)(y − 1) with f(x) = x below 0 and x² above (equilibrium (1, 1)), "
        "and xy (equilibrium (0, 0)); x minimises, y maximises. Gradient steps of 0.01, simultaneous or alternating, "
        "from three starts, with historical averaging of coefficient 0 (plain descent), 0.1, 0.5, 1 and 2 for both "
        "players. Measured: the distance to the equilibrium. Deterministic."
    ),
    measure=measure,
    sizes={"quick": Size(seeds=1, steps=240), "default": Size(seeds=1, steps=20_000, compiled=True)},
    cells=[{"game": game, "order": order} for game in TOY_GAMES for order in ORDERS],
    figures=[
        Lines(
            "Distance to the equilibrium of (f(x) − 1)(y − 1)",
            "A line a coefficient, over three starts; 0 is plain gradient descent.",
            where={"game": "salimans", "order": "alternating"},
            x="step",
            y="distance_curve",
            by=("coefficient",),
            log_y=True,
        ),
        Lines(
            "Distance to the equilibrium of xy",
            "Plain descent (coefficient 0) stays on its orbit, or leaves it where the players move at once.",
            where={"game": "bilinear"},
            x="step",
            y="distance_curve",
            by=("order", "coefficient"),
            log_y=True,
        ),
        Cloud(
            "Paths on (f(x) − 1)(y − 1)",
            "From (0.5, 2), alternating: points of the path at equal intervals; the equilibrium is (1, 1).",
            where={"game": "salimans", "order": "alternating", "start": "(0.5, 2)"},
            points="path",
            by=("coefficient",),
        ),
    ],
)
