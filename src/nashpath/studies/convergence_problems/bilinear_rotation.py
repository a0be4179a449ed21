"""The game xy: which solvers leave its equilibrium, circle it or reach it, and the spectrum that says so."""

import math
from collections.abc import Callable, Iterator

import torch
from torch import nn

from nashpath.core import FunctionalGame, Game, Key, derive, generator, point_of
from nashpath.diagnostics import Spectrum
from nashpath.diagnostics.base import flatten
from nashpath.games import OBJECTIVES
from nashpath.games.toys import Bilinear, DiracGAN, Salimans
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.solvers import SGD, Alternating, Consensus, Extragradient, Simultaneous, Solver
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.population import split_steps
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

RATES = (0.05, 0.1, 0.2, 0.5)
_SOLVERS: dict[str, Callable[[float], Solver]] = {
    "simultaneous": lambda h: Simultaneous(SGD(h), SGD(h)),
    "alternating": lambda h: Alternating(SGD(h), SGD(h)),
    "extragradient": lambda h: Extragradient(SGD(h), SGD(h)),
    "consensus": lambda h: Consensus(SGD(h), SGD(h), weight=1.0),
}
FACTORS: dict[str, Callable[[float], float]] = {
    "simultaneous": lambda h: math.sqrt(1 + h**2),
    "alternating": lambda h: 1.0,
    "extragradient": lambda h: math.sqrt(1 - h**2 + h**4),
    "consensus": lambda h: math.sqrt((1 - h) ** 2 + h**2),
}
"""By what a step multiplies the distance, in theory; alternating play keeps to an ellipse."""


def largest_change(rate: float) -> float:
    """The longest over the shortest radius of the ellipse ``x² + y² + h x y``, on which alternating play stays."""
    return math.sqrt((2 + rate) / (2 - rate))


def trial(solver: str, rate: float, seed: int) -> Trial:
    """The game xy from a random start, in double precision."""
    x, y = torch.randn(2, generator=generator(derive(seed, "start"))).tolist()
    return Trial(Bilinear(x, y), _SOLVERS[solver](rate)).double()


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a rate and seed: the factor of a step, the theory's, and the distance on the way."""
    members = [(rate, seed) for rate in RATES for seed in range(size.seeds)]
    program = Program([trial(cell["solver"], *member) for member in members], [s for _, s in members], "stacked")
    seen, steps = [_distances(program)], [0]
    length = size.steps * cell["rounds"]
    for count in split_steps(length, 25):
        program.run(count)
        seen.append(_distances(program))
        steps.append(program.taken)
    for index, (rate, seed) in enumerate(members):
        relative = [now[index] / seen[0][index] for now in seen]
        factor = relative[-1] ** (1 / length)
        yield {
            "seed": seed,
            "rate": rate,
            "outcome": outcome(program.trials[index], program.train_state(index)),
            "factor": factor,
            "error": abs(factor - FACTORS[cell["solver"]](rate)),
            "beyond": max(max(relative), 1 / min(relative)) / largest_change(rate),
            "steps": steps,
            "distances": [significant(value) for value in relative],
        }


def _distances(program: Program) -> list[float]:
    points = [program.train_state(member).point for member in range(len(program.trials))]
    return [float(flatten(point.players).norm()) for point in points]


_GAMES: dict[str, tuple[Callable[[], Game], float]] = {
    "xy": (lambda: Bilinear(0.0, 0.0), 1.0),
    "2xy": (lambda: Bilinear(0.0, 0.0, strength=2.0), 2.0),
    "salimans": (lambda: Salimans(1.0, 1.0), 2.0),
    "dirac, wasserstein": (lambda: DiracGAN(OBJECTIVES["wasserstein"](), x=0.0, y=0.0), 1.0),
    "dirac, minimax": (lambda: DiracGAN(OBJECTIVES["minimax"](), x=0.0, y=0.0), 0.5),
    "dirac, non-saturating": (lambda: DiracGAN(OBJECTIVES["non_saturating"](), x=0.0, y=0.0), 0.5),
}
"""Games that stand at their equilibrium, and the size of their purely imaginary eigenvalues there."""


def measure_spectra(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a game: the eigenvalues of its Jacobian at the equilibrium."""
    for name, (make, expected) in _GAMES.items():
        game: nn.Module = make().double()
        assert isinstance(game, Game)
        batches = game.draw(Key(0), (1,))
        found = Spectrum(count=2)(FunctionalGame(game), point_of(game), _double(batches))["jacobian"]
        sizes = sorted(found.imag.tolist())
        yield {
            "game": name,
            "real": float(found.real.abs().max()),
            "imaginary": sizes[-1],
            "error": max(abs(sizes[-1] - expected), abs(sizes[0] + expected), float(found.real.abs().max())),
        }


def _double(batches: dict) -> dict:
    return {k: v.double() if isinstance(v, torch.Tensor) else v for k, v in batches.items()}


ROTATION = Experiment(
    name="rotation",
    about="The game xy from random starts, plain gradient descent at rates 0.05 to 0.5, double precision, exact "
    "gradients; consensus optimisation with weight 1. Alternating play goes on ten times as long.",
    measure=measure,
    sizes={"quick": Size(seeds=2, steps=200), "default": Size(seeds=8, steps=600)},
    cells=[{"solver": name, "rounds": 10 if name == "alternating" else 1} for name in _SOLVERS],
    figures=[
        Lines(
            "Distance to the equilibrium at rate 0.1",
            "1 is the start.",
            x="steps",
            y="distances",
            by=("solver",),
            log_y=True,
            where={"rate": 0.1},
        )
    ],
)

SPECTRA = Experiment(
    name="spectra",
    about="Eigenvalues of the Jacobian of both players' gradients at the equilibrium: the game xy, twice it, Salimans' "
    "toy, and the Dirac GAN under three losses. Nothing is random.",
    measure=measure_spectra,
    sizes={"quick": Size(seeds=1), "default": Size(seeds=1)},
    figures=[
        Strip(
            "Imaginary part of the leading eigenvalue", "The real part is 0 in each game.", y="imaginary", by=("game",)
        ),
    ],
)
