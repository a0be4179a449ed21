"""Integral probability metrics: each distance as the most that a class of functions can tell apart, found by search.

Random masses on points of a line. The supremum over |f| ≤ ½ and over 1-Lipschitz f is a linear programme; the one over
discriminators in (0, 1) is played; the one over the unit ball of a kernel's space has a witness in closed form.
"""

from collections.abc import Iterator

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

from nashpath.core import derive, generator
from nashpath.core.math.f_divergences import total_variation_of_masses
from nashpath.core.math.mmd import mmd_of_masses
from nashpath.core.math.transport import wasserstein_of_masses
from nashpath.games.ideal import PopulationGame, Softmax
from nashpath.games.objectives import NeuralNetDistance
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.solvers import Adam, Alternating
from nashpath.studies.figures import Strip
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

ATOMS = 12


def bounded_supremum(gap: np.ndarray) -> float:
    """``sup Σ f (p − q)`` over |f| ≤ ½, from ``gap`` = p − q [k]."""
    return -linprog(-gap, bounds=[(-0.5, 0.5)] * len(gap), method="highs").fun


def lipschitz_supremum(gap: np.ndarray, points: np.ndarray) -> float:
    """``sup Σ f (p − q)`` over f with |f(a) − f(b)| ≤ |a − b|, on points [k] of a line."""
    order = np.argsort(points)
    ordered, steps = gap[order], np.diff(points[order])
    rows = np.diff(np.eye(len(gap)), axis=0)
    limits = np.concatenate([steps, steps])
    bounds = [(0, 0), *[(None, None)] * (len(gap) - 1)]
    return -linprog(-ordered, A_ub=np.vstack([rows, -rows]), b_ub=limits, bounds=bounds, method="highs").fun


def kernel_witness(gap: Tensor, points: Tensor) -> float:
    """``Σ f (p − q)`` for the best f of unit norm in the space of the Gaussian kernel, ``f ∝ K (p − q)``."""
    kernel = torch.exp(-0.5 * (points[:, None] - points).square())
    coefficients = gap / (gap @ kernel @ gap).sqrt()
    return float(gap @ (kernel @ coefficients))


def trial(seed: int) -> Trial:
    """Random masses on random points; the discriminator alone moves, under the linear measuring function."""
    rng = generator(derive(seed, "masses"))
    data, model = (torch.randn(ATOMS, generator=rng) for _ in range(2))
    points = 2 * torch.randn(ATOMS, generator=rng)
    game = PopulationGame(Softmax(model), data.log_softmax(0), points, NeuralNetDistance("linear"))
    return Trial(game, Alternating(Adam(0.3), Adam(0.0)))


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: how far each supremum is from the distance that it should be."""
    program = Program([trial(seed) for seed in range(size.seeds)], range(size.seeds), "stacked")
    program.run(size.steps)
    for seed, played in enumerate(program.trials):
        game = played.game
        assert isinstance(game, PopulationGame)
        with torch.no_grad():
            p, q = game.data().double(), game.model().double()
        gap, points = p - q, game.space.points.double()
        total, moved = total_variation_of_masses(p, q), wasserstein_of_masses(p, q, points)
        seen = -program.info()[seed]["cost.discriminator"] - 1
        yield {
            "seed": seed,
            "total_variation": round(float(total), 6),
            "wasserstein": round(float(moved), 6),
            "bounded_error": abs(bounded_supremum(gap.numpy()) - float(total)),
            "lipschitz_error": abs(lipschitz_supremum(gap.numpy(), points.numpy()) - float(moved)),
            "kernel_error": abs(kernel_witness(gap, points) - float(mmd_of_masses(p, q, points).sqrt())),
            "discriminator_error": abs(seen - float(total)),
        }


SUPREMA = Experiment(
    name="suprema",
    about="Random masses (logits from N(0, 1)) on 12 random points of a line. Suprema over bounded and 1-Lipschitz "
    "functions by linear programming, over a kernel's unit ball by its witness, and over all discriminators by Adam "
    "(0.3) on the neural-net distance with the linear measuring function.",
    measure=measure,
    sizes={"quick": Size(seeds=3, steps=200), "default": Size(seeds=8, steps=500)},
    figures=[
        Strip(
            "Supremum over all discriminators",
            "Difference from total variation, by seed.",
            y="discriminator_error",
            by=(),
        ),
    ],
)
