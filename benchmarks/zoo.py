"""Every solver on games whose answers are known: the table of ``docs/choose.md`` "Every solver on the zoo".

Plain gradient steps by both players from (1, 1), each solver with its defaults, in float64, the games in one stack. A
cell says what became of the distance to the stationary point, and the factor a step: from the second quarter of the
play to the last. On the bilinear game the theory stands beside it. With --write the table is put into the page.

    python benchmarks/zoo.py [--steps 120] [--write] [--smallest]
"""

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.func import functional_call, vmap

from nashpath.core import FunctionalGame, Point, point_of, split_buffers, tree_map
from nashpath.core import tree as trees
from nashpath.games.toys import DaskalakisPanageas, Quadratic, TimeScales, WeakMinty
from nashpath.solvers import SGD, SOLVERS, Solver
from sizes import parse

PAGE = Path(__file__).parent.parent / "docs" / "choose.md"
MARKS = ("<!-- made by benchmarks/zoo.py -->\n", "<!-- end -->\n")
GAMES: Mapping[str, tuple[Callable[[], Quadratic], float]] = {
    "bilinear": (lambda: Quadratic(0.0, 1.0, 0.0), 0.2),
    "quadratic": (lambda: Quadratic(), 0.2),
    "daskalakis_panageas": (lambda: DaskalakisPanageas(), 0.2),
    "time_scales": (lambda: TimeScales(), 0.1),
    "weak_minty": (lambda: WeakMinty(), 1.0),
    "no equilibrium": (lambda: Quadratic(1.0, 1.0, -0.5), 0.2),
}
"""Each game, and the learning rate of both players."""


def root(*polynomial: complex) -> float:
    """The largest modulus of a root."""
    return float(np.abs(np.roots(polynomial)).max())


def matrix(*rows: tuple[float, float]) -> float:
    """The spectral radius of a step on (x, y)."""
    return float(np.abs(np.linalg.eigvals(np.array(rows))).max())


THEORY: Mapping[str, Callable[[float], float]] = {
    "simultaneous": lambda h: math.sqrt(1 + h * h),
    "alternating": lambda h: 1.0,
    "extragradient": lambda h: math.sqrt(1 - h * h + h**4),
    "svre": lambda h: math.sqrt(1 - h * h + h**4),
    "extragradient_plus": lambda h: abs(1 - 0.5j * h * (1 - 1j * h)),
    "past_extragradient": lambda h: root(1, -(1 - 2j * h), -1j * h),
    "optimistic": lambda h: root(1, -(1 - 2j * h), -1j * h),
    "lead": lambda h: root(1, -(1 - 2j * h), -1j * h),
    "runge_kutta": lambda h: math.sqrt(1 - h**6 / 72 + h**8 / 576),
    "consensus": lambda h: math.sqrt((1 - 0.1 * h) ** 2 + h * h),
    "sga": lambda h: math.sqrt((1 - h) ** 2 + h * h),
    "lola": lambda h: math.sqrt((1 - 0.01 * h) ** 2 + h * h),
    "unrolled": lambda h: matrix((1 - h, -h), (h, 1.0)),
    "cgd": lambda h: 1 / math.sqrt(1 + h * h),
    "local_symplectic_surgery": lambda h: 1.0,
    "follow_the_ridge": lambda h: math.sqrt(1 + h * h),
    "lookahead": lambda h: float(
        np.abs(0.5 + 0.5 * np.linalg.eigvals(np.array([[1 - h * h, -h], [h, 1.0]])) ** 5).max() ** 0.2
    ),
}
"""The factor a step on the bilinear game of strength 1, as their docstrings have it; `acgd` adapts, and the anchored
ones have none: theirs is 1/k."""


def distances(name: str, steps: int) -> dict[str, list[float]]:
    """How far from 0 the play of each game of `GAMES` is after every step."""
    games = [make().double() for make, _ in GAMES.values()]
    solvers = [SOLVERS[name](SGD(rate), SGD(rate)).double() for _, rate in GAMES.values()]
    problem, points = FunctionalGame(games[0]), [point_of(game) for game in games]
    memories = [solver.init(FunctionalGame(game), point) for solver, game, point in zip(solvers, games, points)]

    def step(numbers: Any, coefficients: Any, point: Point, memory: Any) -> tuple[Point, Any, torch.Tensor]:
        given = (problem.with_hyperparameters(coefficients), point, memory, {})
        point, memory, _ = functional_call(solvers[0], numbers, given)
        return point, memory, torch.stack([trees.norm(own) for own in point.players.values()]).norm()

    own = stack([split_buffers(solver)[0] for solver in solvers]), stack([split_buffers(game)[0] for game in games])
    point, memory, found = stack(points), stack(memories), []
    with torch.no_grad():
        for _ in range(steps):
            point, memory, far = vmap(step)(*own, point, memory)
            found.append(far)
    return dict(zip(GAMES, torch.stack(found, 1).tolist()))


def stack(members: list[Any]) -> Any:
    """Trees of tensors as one, with the members along a first axis."""
    return tree_map(lambda *parts: torch.stack(parts), *members)


def outcome(found: list[float]) -> tuple[str, float]:
    """What became of the distance, and its factor a step: the mean logarithms of two quarters of the play.

    What comes after the play has arrived within rounding, or has left for good, does not count.
    """
    found = found[: next((k for k, far in enumerate(found) if not 1e-9 < far < 1e9), len(found))]
    part = max(len(found) // 4, 1)
    early, late = (sum(map(math.log, some)) / len(some) for some in (found[part : 2 * part] or found, found[-part:]))
    gap = max(len(found) - 2 * part, 1)
    word = "arrives" if late - early < math.log(0.8) else "leaves" if late - early > math.log(1.25) else "circles"
    return word, math.exp((late - early) / gap)


def row(name: str, steps: int) -> str:
    """A row of the table."""
    solver = SOLVERS[name](SGD(), SGD())
    cells = [f"`{name}`", cost(solver)]
    for game, found in distances(name, steps).items():
        word, factor = outcome(found)
        told = THEORY.get(name) if game == "bilinear" else None
        cells.append(f"{word} {factor:.3f}" + (f" ({told(GAMES[game][1]):.3f})" if told else ""))
    return "| " + " | ".join(cells) + " |"


def cost(solver: Solver) -> str:
    """What a step costs: player-gradients, and second derivatives where there are any."""
    return f"{solver.gradients}" + (f" + {solver.products}" if solver.products else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--write", action="store_true")
    chosen = parse(parser, steps=4)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    heads = ["zoo", "cost", *(f"{game}, {rate:g}" for game, (_, rate) in GAMES.items())]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    try:
        for name in SOLVERS:
            lines.append(row(name, chosen.steps))
            print(lines[-1], flush=True)
    finally:
        torch.set_default_dtype(torch.float32)
    if chosen.write:
        before, _, rest = PAGE.read_text().partition(MARKS[0])
        PAGE.write_text(before + MARKS[0] + "\n".join(lines) + "\n" + MARKS[1] + rest.partition(MARKS[1])[2])


if __name__ == "__main__":
    main()
