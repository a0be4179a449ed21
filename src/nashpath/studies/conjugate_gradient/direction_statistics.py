"""One number a seed from rows of the conjugate-gradient experiments: distances, slopes, and ratios over settings."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from nashpath.studies.conjugate_gradient.directions import FORMULAS
from nashpath.studies.rows import Rows, paired

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
