"""The idealised game by numbers: its value, its gradients, and what comes of playing it.

Data N(0, 1) against a model N(μ, 1) by adaptive quadrature of SciPy beside the package's own game on a grid; and
distributions on 16 points played by gradient descent. No samples and no networks anywhere.
"""

import math
from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy.integrate import quad

from nashpath.core import FunctionalGame, Point, generator, point_of
from nashpath.core import tree as trees
from nashpath.games import OBJECTIVES
from nashpath.games.ideal import IdealGaussian, PopulationGame, Softmax
from nashpath.metrics import by_quadrature
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.observe.snapshot import place
from nashpath.solvers import Adam, Alternating
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

MEANS = (0.0, 0.5, 1.0, 2.0, 3.0)
LOG4 = math.log(4)
STEP = 1e-4
"""Half the distance of the two points of a central difference."""


def integral(function: Callable[[float], float]) -> float:
    """``∫ f`` over a range that holds all of the mass of the Gaussians here."""
    return quad(function, -12, 15, epsabs=1e-11, epsrel=1e-11, limit=400)[0]


def log_density(mean: float) -> Callable[[float], float]:
    """The logarithm of the density of N(mean, 1)."""
    return lambda x: -((x - mean) ** 2) / 2 - math.log(2 * math.pi) / 2


def best_value(mean: float) -> float:
    """``E_p log D* + E_q log(1 − D*)`` with ``D* = p/(p + q)``."""
    p, q = log_density(0.0), log_density(mean)
    return integral(
        lambda x: -math.exp(p(x)) * np.logaddexp(0, q(x) - p(x)) - math.exp(q(x)) * np.logaddexp(0, p(x) - q(x))
    )


def jensen_shannon(mean: float) -> float:
    """``JS(p‖q)`` from its definition."""
    p, q = log_density(0.0), log_density(mean)

    def middle(x: float) -> float:
        return np.logaddexp(p(x), q(x)) - math.log(2)

    return integral(lambda x: (math.exp(p(x)) * (p(x) - middle(x)) + math.exp(q(x)) * (q(x) - middle(x))) / 2)


def reverse_kl(mean: float) -> float:
    """``KL(q‖p)``, the model from the data."""
    p, q = log_density(0.0), log_density(mean)
    return integral(lambda x: math.exp(q(x)) * (q(x) - p(x)))


def _own_js(mean: float) -> float:
    p, q = (torch.distributions.Normal(at, 1.0) for at in (0.0, mean))
    box = [(-12.0, 15.0)]
    return by_quadrature(lambda x: p.log_prob(x[:, 0]), lambda x: q.log_prob(x[:, 0]), box, 4000, ["js"])["js"]


def answered(game: IdealGaussian) -> Point:
    """The game's point with the discriminator at its best response; play holds it there."""
    point = point_of(game)
    best = {"value": game.best_response().detach()}
    return Point({**point.players, "discriminator": best}, point.state)


def _slope(objective: str, mean: float) -> tuple[float, float]:
    """The generator's slope in its mean, and the norm of the discriminator's, at the best discriminator."""
    game = IdealGaussian(OBJECTIVES[objective](), mean=mean).double()
    problem, point = FunctionalGame(game), answered(game)
    own = problem.gradient("generator", point, {}).gradient["mean"]
    return float(own), float(trees.norm(problem.gradient("discriminator", point, {}).gradient))


def difference(function: Callable[[float], float], mean: float) -> float:
    """The derivative of a function of the mean, by a central difference."""
    return (function(mean + STEP) - function(mean - STEP)) / (2 * STEP)


def measure_identities(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a mean: both sides of each identity, and how far apart they are."""
    for mean in MEANS:
        game = IdealGaussian(mean=mean).double()
        with torch.no_grad():
            played = float(game.value(game.best_response()))
        value, js = best_value(mean), jensen_shannon(mean)
        sides = [value, played, -LOG4 + 2 * js, -LOG4 + 2 * _own_js(mean)]
        saturating, still = _slope("minimax", mean)
        other, _ = _slope("non_saturating", mean)
        expected = difference(lambda at: reverse_kl(at) - 2 * jensen_shannon(at), mean)
        yield {
            "mean": mean,
            "value": round(value, 8),
            "js": round(js, 8),
            "above_minimum": value + LOG4,
            "value_error": max(sides) - min(sides),
            "discriminator_slope": still,
            "saturating_slope": round(saturating, 8),
            "saturating_error": abs(saturating - difference(lambda at: 2 * jensen_shannon(at), mean)),
            "other_slope": round(other, 8),
            "other_error": abs(other - expected),
        }


def random_trial(seed: int, turns: int) -> Trial:
    """Random masses for data and model on 16 points, under the minimax objective and Adam."""
    rng = generator(seed)
    data, model = (1.0 * torch.randn(16, generator=rng) for _ in range(2))
    game = PopulationGame(Softmax(model), data.log_softmax(0), torch.linspace(-4, 4, 16), OBJECTIVES["minimax"]())
    return Trial(game, Alternating(Adam(0.05), Adam(0.01), discriminator_steps=turns))


def measure_play(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: how far the played value and the divergence are from ``−log 4`` and 0, first and last."""
    program = Program([random_trial(s, cell["turns"]) for s in range(size.seeds)], range(size.seeds), "stacked")
    start = [_standing(program, member) for member in range(size.seeds)]
    program.run(size.steps)
    for seed, (_, js) in enumerate(start):
        value, last = _standing(program, seed)
        yield {"seed": seed, "above_minimum": abs(value + LOG4), "js_first": round(js, 6), "js": max(last, 0.0)}


@torch.no_grad()
def _standing(program: Program, member: int) -> tuple[float, float]:
    trial = program.trials[member]
    place(trial, program.train_state(member))
    game = trial.game
    assert isinstance(game, PopulationGame)
    return float(game.value()), game.divergences()["js"]


IDENTITIES = Experiment(
    name="identities",
    about="Data N(0, 1), model N(μ, 1), all functions as discriminators. Value and Jensen-Shannon divergence by "
    "SciPy's adaptive quadrature, by the idealised game on a grid of 257 points, and by the midpoint rule; slopes in μ "
    "with the discriminator held, beside central differences of the divergences. Nothing is random.",
    measure=measure_identities,
    sizes={"quick": Size(seeds=1), "default": Size(seeds=1)},
    figures=[
        Lines(
            "Value at the best discriminator",
            "At equal distributions it is −log 4 (dashed).",
            x="mean",
            y="value",
            by=(),
            target=-math.log(4),
        ),
    ],
)

PLAY = Experiment(
    name="ideal-play",
    about="Data and model are random masses on 16 points (logits from N(0, 1)), the discriminator any function on "
    "them. Minimax objective, alternating play with 1 or 5 discriminator steps, Adam (0.05 for the discriminator, 0.01 "
    "for the generator's logits, first decay 0.5), exact expectations.",
    measure=measure_play,
    sizes={"quick": Size(seeds=4, steps=300), "default": Size(seeds=8, steps=1500)},
    cells=[{"turns": 1}, {"turns": 5}],
    figures=[
        Strip(
            "Distance from the minimum",
            "Value at the best discriminator less −log 4.",
            y="above_minimum",
            by=("turns",),
            log=True,
        ),
    ],
)
