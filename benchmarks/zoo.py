"""Every solver on games whose answers are known: the table of ``docs/choose.md`` "Every solver on the zoo".

Plain gradient steps by both players, each solver with its defaults, in float64. A cell says what became of the distance
to the stationary point, and the factor a step: from one quarter of the play to another. On the bilinear game the theory
stands beside it. With --write the table is put into the page.

    python benchmarks/zoo.py [--steps 400] [--write] [--smallest]
"""

import argparse
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from nashpath.core import FunctionalGame, Game, generator, point_of
from nashpath.core import tree as trees
from nashpath.games import TOYS
from nashpath.solvers import SGD, SOLVERS, Solver
from sizes import parse

PAGE = Path(__file__).parent.parent / "docs" / "choose.md"
MARKS = ("<!-- made by benchmarks/zoo.py -->\n", "<!-- end -->\n")
GAMES: Mapping[str, tuple[Callable[[], Game], float]] = {
    "bilinear": (TOYS["bilinear"], 0.1),
    "quadratic": (TOYS["quadratic"], 0.1),
    "daskalakis_panageas": (TOYS["daskalakis_panageas"], 0.1),
    "time_scales": (TOYS["time_scales"], 0.1),
    "weak_minty": (TOYS["weak_minty"], 1.0),
    "no equilibrium": (lambda: TOYS["quadratic"](1.0, 1.0, -0.5), 0.1),
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


def distances(solver: Solver, game: Game, steps: int) -> list[float]:
    """How far from 0 the play is after every step; it ends early where it has left for good or has arrived."""
    game, solver = game.double(), solver.double()
    problem, point, rng = FunctionalGame(game), point_of(game), generator(0)
    memory, found = solver.init(problem, point), []
    with torch.no_grad():
        for _ in range(steps):
            point, memory, _ = solver(problem, point, memory, game.draw(rng, (solver.draws,)))
            found.append(math.hypot(*(float(trees.norm(own)) for own in point.players.values())))
            if not 1e-12 < found[-1] < 1e12:
                break
    return found


def outcome(found: list[float]) -> tuple[str, float]:
    """What became of the distance, and its factor a step: the last quarter of the play against the second."""
    part = max(len(found) // 4, 1)
    early, late = found[part : 2 * part] or found, found[-part:]
    gap = (len(found) - part // 2) - (part + part // 2)
    means = [sum(map(math.log, some)) / len(some) for some in (early, late)]
    change = means[1] - means[0]
    word = "arrives" if change < math.log(0.75) else "leaves" if change > math.log(1.25) else "circles"
    return word, math.exp(change / max(gap, 1))


def cell(name: str, game: str, steps: int) -> tuple[str, float]:
    """Outcome and factor of one solver on one game of `GAMES`."""
    make, rate = GAMES[game]
    return outcome(distances(SOLVERS[name](SGD(rate), SGD(rate)), make(), steps))


def row(name: str, steps: int) -> str:
    """A row of the table."""
    solver = SOLVERS[name](SGD(), SGD())
    cost = f"{solver.gradients}" + (f" + {solver.products}" if solver.products else "")
    cells = []
    for game in GAMES:
        word, factor = cell(name, game, steps)
        told = f"{word} {factor:.4f}"
        if game == "bilinear":
            told += f" ({THEORY[name](GAMES[game][1]):.4f})" if name in THEORY else ""
        cells.append(told)
    return "| " + " | ".join([f"`{name}`", cost, *cells]) + " |\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--write", action="store_true")
    chosen = parse(parser, steps=4)
    torch.set_num_threads(1)
    heads = ["zoo", "cost", *(f"{game}, {rate:g}" for game, (_, rate) in GAMES.items())]
    table = "| " + " | ".join(heads) + " |\n|" + "---|" * len(heads) + "\n"
    for name in SOLVERS:
        table += row(name, chosen.steps)
    print(table, end="")
    if chosen.write:
        before, _, rest = PAGE.read_text().partition(MARKS[0])
        PAGE.write_text(before + MARKS[0] + table + MARKS[1] + rest.partition(MARKS[1])[2])


if __name__ == "__main__":
    main()
