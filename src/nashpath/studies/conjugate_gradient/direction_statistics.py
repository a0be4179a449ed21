"""One number a seed from rows of the conjugate-gradient experiments: distances, slopes, and ratios over settings."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from nashpath.core import derive, generator
from nashpath.solvers.rules.betas import BETAS, Products, capped
from nashpath.studies.conjugate_gradient.directions import FORMULAS
from nashpath.studies.figures import Strip
from nashpath.studies.rows import Row, Rows, paired
from nashpath.studies.study import Cell, Experiment, Size

Values = Callable[[Rows], Sequence[float]]
Pool = Callable[[Sequence[float]], float]
LEAST = 1e-30
"""A distance below this counts as this, so that logarithms of ratios exist."""


def away(rows: Rows, methods: Sequence[str], **where: str) -> list[float]:
    """The final distance to the equilibrium of each method."""
    return [max(LEAST, *rows.where(method=m, **where).values("distance")) for m in methods]


def against(methods: Sequence[str], other: str, wheres: Sequence[dict[str, str]]) -> Values:
    """log10 of each method's final distance over that of ``other``, under each condition."""

    def values(rows: Rows) -> list[float]:
        pairs = [(a, *away(rows, [other], **where)) for where in wheres for a in away(rows, methods, **where)]
        return [math.log10(a / b) for a, b in pairs]

    return values


def worst(condition: str, column: str = "slope", methods: Sequence[str] = FORMULAS) -> Values:
    """For each seed the greatest value over methods."""

    def values(rows: Rows) -> list[float]:
        found = [rows.where(condition=condition, method=m).by_seed(column) for m in methods]
        return [max(own[seed] for own in found) for seed in found[0]]

    return values


def scaling(rows: Rows) -> list[float]:
    """For each seed, the exponent of the plateau in the learning rate, from two rates: the mean over CG formulas."""
    found: dict[int, list[float]] = defaultdict(list)
    for formula in FORMULAS:
        high, low = (rows.where(condition=c, method=formula).by_seed("plateau") for c in ("plateau", "lower plateau"))
        for seed in high:
            found[seed].append(math.log(high[seed] / low[seed]) / math.log(4))
    return [float(np.mean(found[seed])) for seed in sorted(found)]


def excess(rows: Rows) -> list[float]:
    """For each seed, the log of the CG formulas' plateau (mean of logs) over SGD's at the same rate."""
    plateaus = {m: rows.where(condition="plateau", method=m).by_seed("plateau") for m in ("SGD", *FORMULAS)}
    return [
        float(np.mean([math.log(plateaus[formula][seed] / base) for formula in FORMULAS]))
        for seed, base in plateaus["SGD"].items()
    ]


def best(few: int) -> Pool:
    """The mean of the ``few`` lowest values."""
    return lambda values: float(np.mean(sorted(values)[:few]))


def spread(few: int) -> Pool:
    """The standard deviation of the ``few`` lowest values."""
    return lambda values: float(np.std(sorted(values)[:few], ddof=1))


def ratio(methods: Sequence[str], other: str, pool: Pool, **where: str | float) -> Values:
    """For each seed, log(pool of a method's settings / pool of ``other``'s): the mean over methods."""

    def values(rows: Rows) -> list[float]:
        base = rows.where(method=other, **where).by_seed("fid", pool)  # type: ignore[arg-type]
        logs: dict[int, list[float]] = defaultdict(list)
        for method in methods:
            own = rows.where(method=method, **where).by_seed("fid", pool)  # type: ignore[arg-type]
            for seed, value in zip(sorted(base), paired(own, base, lambda a, b: math.log(a / b))):
                logs[seed].append(value)
        return [float(np.mean(logs[seed])) for seed in sorted(logs)]

    return values


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each formula and seed: β ≤ ½ with the last gradient aliased, and kept."""
    for seed in range(size.seeds):
        rng = generator(derive(seed, "gradients"))
        now, last, direction = (torch.randn(50, generator=rng) for _ in range(3))
        for formula in FORMULAS:
            aliased, kept = (_beta(formula, now, before, direction) for before in (now, last))
            yield {"method": formula, "seed": seed, "aliased": aliased, "kept": round(kept, 5)}


def _beta(formula: str, now: torch.Tensor, last: torch.Tensor, direction: torch.Tensor) -> float:
    products = Products([now], [last], [direction], whole=False, guard=1e-6, mu=2.0)
    return float(capped(BETAS[formula](products), 0.5, nonnegative=False))


ALIASED_GRADIENT = Experiment(
    name="aliased-gradient",
    about="β of the seven formulas, capped at ½, from normal vectors of 50 numbers for gradient, last gradient and "
    "last direction; 'aliased' takes the gradient for the last gradient too. An identity for each draw.",
    measure=measure,
    sizes={"quick": Size(seeds=4), "default": Size(seeds=16)},
    figures=[Strip("β where the last gradient is an alias", "Plain descent is β = 0.", y="aliased", by=("method",))],
)
