"""The paper's toy saddle: every direction at four pairs of learning rates, and under the three learning-rate rules.

f(x, y) = (1 + x²)(100 − y²) from (2, −4); x minimises, y maximises, in turn; the local Nash equilibrium is (0, 0).
Set-up: Hiroki11x/ConjugateGradient_GAN ``jupyter/toy_example/trajectory.ipynb`` (game, start, 400 iterations, rates up
to 5e-5), without its alias of the last gradient and its accumulated gradients; the other rates are ours. Nothing is
drawn. The two players have one number each, so β is a number of each player.
"""

import math
from collections.abc import Iterator, Sequence

from nashpath.games.toys import Saddle
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.run.observe.snapshot import strategies
from nashpath.solvers import Alternating
from nashpath.studies.conjugate_gradient.directions import LINEAR, rule
from nashpath.studies.figures import Cloud, Lines, Strip
from nashpath.studies.population import split_steps
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

PAPERS = "(5e-05, 5e-05)"
"""The largest rates of the released notebook."""
RATES = {PAPERS: (5e-5, 5e-5), "(1e-4, 1e-3)": (1e-4, 1e-3), "(1e-3, 5e-3)": (1e-3, 5e-3), "(2e-3, 2e-2)": (2e-3, 2e-2)}
"""Learning rates of x and of y."""
LEARNING_RATES = {"constant": 0.0, "n^-1/2": 0.5, "n^-3/4": 0.75}
"""The paper's learning-rate rules by exponent."""
SCHEDULED_RATES = (2e-3, 5e-2)
LOOKS = 50


def trial(method: str, rates: tuple[float, float], exponent: float, clipped: bool) -> Trial:
    """One member: the saddle from the paper's start."""
    of_x, of_y = (rule(method, rate, exponent, clipped) for rate in rates)
    return Trial(Saddle(), Alternating(discriminator=of_y, generator=of_x))


def play(trials: Sequence[Trial], size: Size) -> Iterator[Row]:
    """One row a member: the distance to the equilibrium, at the end and on the way, and the path."""
    program = Program(trials, list(range(len(trials))), "stacked", size.compiled)
    steps, paths = [0], [[_point(program, k)] for k in range(len(trials))]
    for count in split_steps(size.steps, LOOKS):
        program.run(count)
        steps.append(program.taken)
        for k, path in enumerate(paths):
            path.append(_point(program, k))
    for k, path in enumerate(paths):
        away = [significant(math.hypot(*point), 5) for point in path]
        rounded = [[significant(v, 4) for v in point] for point in path]
        row: Row = {"seed": 0, "outcome": outcome(trials[k], program.train_state(k)), "distance": away[-1]}
        yield row | {"step": steps, "distance_curve": away, "path": rounded}


def _point(program: Program, member: int) -> list[float]:
    return [float(v) for v in strategies(program.train_state(member))]


def at_rates(cell: Cell, size: Size) -> Iterator[Row]:
    """A row for each pair of rates, constant; β is capped from above alone, as in the paper's code."""
    trials = [trial(cell["method"], rates, 0.0, clipped=False) for rates in RATES.values()]
    return ({"rates": name, **row} for name, row in zip(RATES, play(trials, size)))


def under_schedules(cell: Cell, size: Size) -> Iterator[Row]:
    """A row for each learning-rate rule; β in [0, ½]."""
    trials = [trial(cell["method"], SCHEDULED_RATES, exponent, clipped=True) for exponent in LEARNING_RATES.values()]
    return ({"schedule": name, **row} for name, row in zip(LEARNING_RATES, play(trials, size)))


TOY = (
    "f(x, y) = (1 + x²)(100 − y²) from (2, −4), in turn; x minimises, y maximises. SGD, momentum 0.5 and 0.9, and "
    "conjugate gradients by seven formulas, the last gradient kept as a copy, the first step a descent. "
)
SADDLE = Experiment(
    name="saddle",
    about=TOY + "β ≤ ½ for each player. Constant learning rates of x and of y: (5e-5, 5e-5), the largest of the "
    "released notebook, to (2e-3, 2e-2). Measured: the distance to (0, 0) at the last step. Deterministic.",
    measure=at_rates,
    sizes={"quick": Size(seeds=1, steps=400), "default": Size(seeds=1, steps=400)},
    cells=[{"method": method} for method in LINEAR],
    figures=[
        Lines(
            "Distance to the equilibrium at rates (1e-3, 5e-3)",
            "FR, DY and HZ fall together with momentum 0.5; PRP and the hybrids with SGD.",
            where={"rates": "(1e-3, 5e-3)"},
            x="step",
            y="distance_curve",
            by=("method",),
            log_y=True,
        ),
        Cloud(
            "Paths at rates (1e-3, 5e-3)",
            "Positions (x, y) at equal intervals, from (2, −4); the equilibrium is (0, 0).",
            where={"rates": "(1e-3, 5e-3)"},
            points="path",
            by=("method",),
        ),
        Strip(
            "Distance at the notebook's largest rates",
            "After 400 steps; at the start it is 4.47.",
            where={"rates": PAPERS},
            y="distance",
            by=("method",),
        ),
    ],
)
SADDLE_SCHEDULES = Experiment(
    name="saddle-schedules",
    about=TOY + "β in [0, ½] for each player. Learning rates 2e-3 (x) and 5e-2 (y), constant, or times n^−1/2 or "
    "n^−3/4. Measured: the distance to (0, 0) at the last step. Deterministic.",
    measure=under_schedules,
    sizes={"quick": Size(seeds=1, steps=100), "default": Size(seeds=1, steps=4000)},
    cells=[{"method": method} for method in LINEAR],
    figures=[
        Lines(
            "Distance under n^-3/4",
            "The slowest of the three rules.",
            where={"schedule": "n^-3/4"},
            x="step",
            y="distance_curve",
            by=("method",),
            log_y=True,
        ),
    ],
)
