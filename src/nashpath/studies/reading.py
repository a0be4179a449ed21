"""Statistics that claims are judged on: one number a seed, or one a row where the claim is an identity."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from operator import sub
from typing import Any

import numpy as np

from nashpath.studies.claim import Undecided
from nashpath.studies.rows import Row, Rows, paired

Values = Callable[[Rows], Sequence[float]]
Pool = Callable[[list[float]], float]
"""One number from all rows of a seed."""


def column(key: str, pool: Pool = np.mean, of: Callable[[float], float] = float, **where: Any) -> Values:
    """``of`` a column under a condition, one number a seed: ``pool`` (the mean) of its rows."""
    return lambda rows: [of(value) for value in rows.where(**where).by_seed(key, pool).values()]


def each(
    key: str, of: Callable[[Any], float] = float, keep: Callable[[Row], bool] = lambda row: True, **where: Any
) -> Values:
    """``of`` a column under a condition, one number a row, of the rows to ``keep``."""
    return lambda rows: [of(row[key]) for row in rows.where(**where) if keep(row)]


def versus(
    key: str,
    a: dict[str, Any],
    b: dict[str, Any],
    of: Callable[[float, float], float] = sub,
    pool: Pool = np.mean,
) -> Values:
    """``of(a, b)``, the difference by default, of a column under two conditions, seed by seed."""
    return lambda rows: paired(rows.where(**a).by_seed(key, pool), rows.where(**b).by_seed(key, pool), of)


def log_ratio(a: float, b: float) -> float:
    """``log(a / b)``: a factor counts the same in both directions."""
    return math.log(a / b)


def log10_ratio(a: float, b: float) -> float:
    """By how many powers of ten a is above b."""
    return math.log10(a / b)


def exponent(sizes: Sequence[float] | np.ndarray, values: Sequence[float] | np.ndarray) -> float:
    """The exponent s of the power law ``values ∝ sizesˢ``, by least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def check_inside(rows: Rows, key: str, axes: Sequence[str], title: str, also: Sequence[str] = ()) -> None:
    """Raises `Undecided` where the best setting (the lowest mean over seeds of ``key``) lies on the edge of its grid.

    A setting is a value of each of ``axes`` and of ``also``; the edge is the least and the greatest value of one of the
    ``axes`` (a single value is no grid). What lies beyond the edge may be better still, so that such a grid says where
    it ends, and nothing about the method, which ``title`` names.
    """
    found: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for row in rows:
        found[tuple(row[axis] for axis in (*axes, *also))].append(float(row[key]))
    best = min(found, key=lambda setting: float(np.mean(found[setting])))
    for axis, value, values in zip(axes, best, zip(*found)):
        if len(set(values)) > 1 and value in (min(values), max(values)):
            raise Undecided(f"{title} is best at {axis} = {value:g}, the edge of its grid, which has to be extended")


def inside(
    values: Values, key: str, axes: Sequence[str], of: Sequence[Mapping[str, Any]], also: Sequence[str] = ()
) -> Values:
    """``values``, where the best settings of all conditions ``of`` lie inside of their grids (see `check_inside`)."""

    def checked(rows: Rows) -> Sequence[float]:
        for where in of:
            title = ", ".join(str(value) for value in where.values())
            check_inside(rows.where(**where), key, axes, title, also)
        return values(rows)

    return checked
