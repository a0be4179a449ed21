"""What the claims read off the rows."""

import math
from itertools import pairwise

from nashpath.studies.monoflow.shifted_vanilla import OTHERS, SHIFTS
from nashpath.studies.rows import Rows, paired

DIVERGENCES = ("reverse_kl", "forward_kl", "chi2", "hellinger", "js")


NO_FLOWS = ("forward_kl", "chi2", "hellinger", "js")


FLOWS = ("reverse_kl", "exponential")
"""The costs f for which −f(exp(d)) increases in d."""


def ending(rows: Rows, way: str, costs: tuple[str, ...], fit: str) -> list[float]:
    """For each seed, how many of the costs ended that way."""
    count: dict[int, float] = {}
    for cost in costs:
        for row in rows.where(way=way, cost=cost):
            count[row["seed"]] = count.get(row["seed"], 0.0) + (row["fit"] == fit)
    return list(count.values())


def pooled(rows: Rows, key: str, pool=max) -> list[float]:
    """The largest (or otherwise pooled) value of each seed."""
    return list(rows.by_seed(key, pool).values())


def growing(rows: Rows) -> list[float]:
    """For each seed, the smallest quotient of the first gradients under neighbouring shifts, the larger over."""
    quotients = [
        paired(
            rows.where(loss=f"C = {b:g}").by_seed("gradient"),
            rows.where(loss=f"C = {a:g}").by_seed("gradient"),
            lambda x, y: math.log10(x / y),
        )
        for a, b in pairwise(SHIFTS)
    ]
    return [min(of_seed) for of_seed in zip(*quotients)]


def moving(rows: Rows) -> Rows:
    """The losses that C = 0 and C = 1, which are as good as gone, are compared with."""
    names = [*(f"C = {c:g}" for c in SHIFTS if c >= 3), *OTHERS]
    return Rows(row for name in names for row in rows.where(loss=name))


def log_quotient(a: Rows, b: Rows, key: str) -> list[float]:
    """log₁₀ of the quotient of two conditions, by seed."""
    return paired(a.by_seed(key), b.by_seed(key), lambda x, y: math.log10(x / y))


def better_shifted(rows: Rows) -> list[float]:
    """FID without a shift over that of the best shift, log₁₀, by seed."""
    shifted = Rows(row for c in (3, 5) for row in rows.where(loss=f"C = {c}"))
    return paired(rows.where(loss="C = 0").by_seed("fid"), shifted.by_seed("fid", min), lambda x, y: math.log10(x / y))


def beside_usual(loss: str):
    """FID of a loss over that of the non-saturating one, log₁₀, by seed."""
    return lambda rows: log_quotient(rows.where(loss=loss), rows.where(loss="non-saturating"), "fid")
