"""Mixed strategies: what no pure pair can do, how few pure strategies do it nearly, and where averages of play go.

Random zero-sum matrix games. Reference: Arora et al. 2017, Sec. 4 (mixtures of T pure strategies are an approximate
equilibrium), after Lipton, Markakis & Mehta 2003, "Playing Large Games using Simple Strategies", Theorem 1.
"""

import math
from collections.abc import Iterator

import numpy as np
import torch

from nashpath.core import derive, generator
from nashpath.diagnostics import exploitability, matrix_duality_gap, solve_matrix_game
from nashpath.games.toys import Quadratic
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.solvers import SGD, PolyakAverage, Simultaneous
from nashpath.studies.figures import Lines
from nashpath.studies.reading import exponent
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

STRATEGIES = 32
COUNTS = (1, 4, 16, 64, 256)
HORIZONS = (64, 128, 256, 512, 1024)
DIMENSION = 4


def payoffs(seed: int) -> np.ndarray:
    """What row pays column, from U[0, 1], [32, 32]."""
    rng = generator(derive(seed, "payoffs"))
    return torch.rand(STRATEGIES, STRATEGIES, generator=rng, dtype=torch.double).numpy()


def best_pure_gap(payoff: np.ndarray) -> float:
    """The smallest duality gap of any pair of pure strategies."""
    return float((payoff.max(1)[:, None] - payoff.min(0)[None]).min())


def sampled(strategy: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """The even mixture of ``count`` pure strategies drawn from a mixed one."""
    share = np.clip(strategy, 0, None) / np.clip(strategy, 0, None).sum()
    return rng.multinomial(count, share) / count


def mean_gap(payoff: np.ndarray, row: np.ndarray, column: np.ndarray, count: int, rng: np.random.Generator) -> float:
    """The mean duality gap of such mixtures on both sides, over 64 draws."""
    pairs = [(sampled(row, count, rng), sampled(column, count, rng)) for _ in range(64)]
    return float(np.mean([matrix_duality_gap(payoff, *pair) for pair in pairs]))


def measure_mixtures(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: gaps of the equilibrium, of the best pure pair, and of even mixtures of T pure strategies."""
    for seed in range(size.seeds):
        payoff, rng = payoffs(seed), np.random.default_rng(derive(seed, "mixtures"))
        row, column, value = solve_matrix_game(payoff)
        gaps = [mean_gap(payoff, row, column, count, rng) for count in COUNTS]
        yield {
            "seed": seed,
            "value": round(value, 6),
            "support": int((row > 1e-9).sum()),
            "equilibrium_gap": matrix_duality_gap(payoff, row, column),
            "exploitability": abs(exploitability(payoff, -payoff, row, column)),
            "pure_gap": best_pure_gap(payoff),
            "counts": list(COUNTS),
            "gaps": [round(gap, 6) for gap in gaps],
            "slope": exponent(COUNTS, gaps),
        }


def trial(seed: int, horizon: int) -> Trial:
    """The game xᵀBy on a random matrix of norm 1, at the rate ``1/√horizon``; both players are averaged."""
    rng = generator(derive(seed, "matrix"))
    b = torch.randn(DIMENSION, DIMENSION, generator=rng)
    x, y = torch.randn(2, DIMENSION, generator=rng)
    none = torch.zeros(DIMENSION, DIMENSION)
    game, rate = Quadratic(none, b / torch.linalg.matrix_norm(b, 2), none, x, y), 1 / math.sqrt(horizon)
    both = PolyakAverage(PolyakAverage(Simultaneous(SGD(rate), SGD(rate))), player="discriminator")
    return Trial(game, both).double()


def ball_gap(game: Quadratic, x: torch.Tensor, y: torch.Tensor) -> float:
    """The duality gap ``max_v xᵀBv − min_u uᵀBy`` over answers of length at most 1."""
    b = game.coefficients.b
    return float((x @ b).norm() + (b @ y).norm())


def measure_play(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: the gap of the averages and of the last iterates, for each length of play."""
    members = [(seed, horizon) for seed in range(size.seeds) for horizon in HORIZONS]
    program = Program([trial(*member) for member in members], [seed for seed, _ in members], "stacked")
    found: dict[int, list[tuple[float, float]]] = {seed: [] for seed in range(size.seeds)}
    for horizon in HORIZONS:
        program.run(horizon - program.taken)
        for index, (seed, own) in enumerate(members):
            if own == horizon:
                found[seed].append(_gaps(program, index))
    for seed, gaps in found.items():
        averaged, last = (list(column) for column in zip(*gaps))
        yield {
            "seed": seed,
            "horizons": list(HORIZONS),
            "averaged": [round(gap, 6) for gap in averaged],
            "last": [round(gap, 6) for gap in last],
            "averaged_slope": exponent(HORIZONS, averaged),
            "last_slope": exponent(HORIZONS, last),
        }


def _gaps(program: Program, member: int) -> tuple[float, float]:
    """``(gap of the averages, gap of the last iterates)``."""
    trial, train_state = program.trials[member], program.train_state(member)
    game = trial.game
    assert isinstance(game, Quadratic)
    pairs = [trial.solver.averages(train_state.memory), train_state.point.players]
    averaged, last = (ball_gap(game, *(p[who]["value"] for who in ("generator", "discriminator"))) for p in pairs)
    return averaged, last


MATRIX_MIXTURES = Experiment(
    name="matrix-mixtures",
    about="Zero-sum games of 32 by 32 payoffs from U[0, 1]: the equilibrium by linear programming, the best pair of "
    "pure strategies, and even mixtures of T strategies drawn from the equilibrium on both sides (mean of 64 draws).",
    measure=measure_mixtures,
    sizes={"quick": Size(seeds=4), "default": Size(seeds=16)},
    figures=[Lines("Duality gap of T against T", x="counts", y="gaps", by=(), log_x=True, log_y=True)],
)

AVERAGED_PLAY = Experiment(
    name="averaged-play",
    about="The game xᵀBy in 4 dimensions, B random of norm 1; simultaneous gradient descent for T steps at the rate "
    "1/√T, both players averaged; gap against answers of length at most 1.",
    measure=measure_play,
    sizes={"quick": Size(seeds=4), "default": Size(seeds=16)},
    figures=[
        Lines("Gap of the averages", x="horizons", y="averaged", by=(), log_x=True, log_y=True),
        Lines("Gap of the last iterates", x="horizons", y="last", by=(), log_x=True, log_y=True),
    ],
)
