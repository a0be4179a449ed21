"""What the claims read off the rows."""

import math
from collections.abc import Callable, Sequence
from operator import sub
from typing import Any

import numpy as np

from nashpath.studies.claim import Claim
from nashpath.studies.convergence_problems.disjoint_lines import slope
from nashpath.studies.convergence_problems.generalisation import exponent
from nashpath.studies.rows import Row, Rows, paired

Values = Callable[[Rows], Sequence[float]]


LOG2 = math.log(2)


def column(key: str, **where: Any) -> Values:
    """A column, one number a seed (the mean where a seed has several rows)."""
    return lambda rows: list((rows.where(**where) if where else rows).by_seed(key).values())


def each(key: str, of: Callable[[float], float] = abs, keep: Callable[[Row], bool] = lambda row: True) -> Values:
    """A function of every row's entry, of the rows to ``keep``: for identities."""
    return lambda rows: [of(row[key]) for row in rows if keep(row)]


def apart(row: Row) -> bool:
    """Whether a row's two lines do not coincide."""
    return row["offset"] > 0


def sampled_slopes(rows: Rows) -> list[float]:
    """The slope of the sampled W₁ in the offset, by seed."""
    found = [rows.where(seed=seed) for seed in rows.by_seed("offset")]
    return [slope(own.values("offset"), own.values("wasserstein")) for own in found]


def kernel_rises(rows: Rows) -> list[float]:
    """How much the kernel distance of the exact lines grows from each offset to the next."""
    return np.diff(rows.values("mmd")).tolist()


def largest_value(key: str, dimension: int) -> Values:
    """A distance in one dimension at the largest number of samples, by seed."""
    return lambda rows: column(key, dimension=dimension, samples=max(rows.values("samples")))(rows)


def exponents(key: str, dimension: int) -> Values:
    """The exponent of a distance in the number of samples, by seed; noise is averaged before logarithms are taken."""

    def of(rows: Rows) -> list[float]:
        own = rows.where(dimension=dimension)
        by_seed = [own.where(seed=seed) for seed in own.by_seed("samples")]
        return [exponent(part.values("samples"), part.values(key)) for part in by_seed]

    return of


def between(key: str, name: str, first: Any, second: Any, of: Callable[[float, float], float] = sub) -> Values:
    """``of`` (first less second) of an entry in two conditions, seed by seed."""
    return lambda rows: paired(rows.where(**{name: first}).by_seed(key), rows.where(**{name: second}).by_seed(key), of)


def orders(a: float, b: float) -> float:
    """By how many powers of ten a is above b."""
    return math.log10(a / b)


def exact(
    name: str,
    says: str,
    source: str,
    experiment: str,
    quantity: str,
    values: Values,
    low: float = -math.inf,
    high: float = math.inf,
) -> Claim:
    """An identity: every value must lie in the range."""
    return Claim(name, says, source, experiment, quantity, values, low, high, exact=True, reason="rounding, or a bug")


GOODFELLOW = "Barnett 2018, after Goodfellow et al. 2014"


ARJOVSKY = "Barnett 2018, after Arjovsky & Bottou 2017"


WGAN = "Barnett 2018, after Arjovsky et al. 2017"


ARORA = "Barnett 2018, after Arora et al. 2017"
