"""What claims on many paths compare: numbers by seed, over conditions, over a grid, at the best setting.

Ratios are natural logarithms, so that a factor counts the same in both directions.
"""

import math
from collections.abc import Callable

import numpy as np

from nashpath.studies.rows import Rows, paired

Pool = Callable[[list[float]], float]
Values = Callable[[Rows], list[float]]
STATISTICS: dict[str, Pool] = {"best": min, "median": np.median, "worst": max}  # type: ignore[dict-item]
TINY = 1e-38


def logs(key: str, pool: Pool = max, **where: object) -> Values:
    """log₁₀ of a column, one number a seed: the largest over the conditions."""
    return lambda rows: [math.log10(max(v, TINY)) for v in rows.where(**where).by_seed(key, pool).values()]


def ratio(above: str, below: str, pool: Pool, **where: object) -> Values:
    """The natural log of FID of one method over another, each a statistic over the grid, by seed."""
    return lambda rows: paired(
        rows.where(method=above, **where).by_seed("fid", pool),
        rows.where(method=below, **where).by_seed("fid", pool),
        lambda a, b: math.log(a / b),
    )


def at_best(rows: Rows, value: Callable[[dict], float]) -> dict[int, float]:
    """``value`` of the row with the smallest FID of each seed."""
    best: dict[int, dict] = {}
    for row in rows:
        if row["seed"] not in best or row["fid"] < best[row["seed"]]["fid"]:
            best[row["seed"]] = row
    return {seed: value(best[seed]) for seed in sorted(best)}


def gain_at_best(method: str, value: Callable[[dict], float], **where: object) -> Values:
    """``value`` of a method minus that of NS-GAN, each at its setting of smallest FID, by seed."""
    return lambda rows: paired(
        at_best(rows.where(method=method, **where), value), at_best(rows.where(method="ns", **where), value)
    )


def critic_gain(method: str) -> Values:
    """NS-GAN's distance minus the method's, medians over the grid, by an independent critic."""
    return lambda rows: paired(
        rows.where(method="ns").by_seed("critic", np.median), rows.where(method=method).by_seed("critic", np.median)
    )


def more_turns(method: str) -> Values:
    """The mean over learning rates of log FID with one discriminator step minus log FID with five, by seed."""

    def mean_log(values: list[float]) -> float:
        return float(np.mean(np.log(values)))

    return lambda rows: paired(
        rows.where(method=method, turns=1).by_seed("fid", mean_log),
        rows.where(method=method, turns=5).by_seed("fid", mean_log),
    )


def similarity_error(row: dict) -> float:
    """How much more or less alike samples are than the data."""
    return abs(row["similarity"] - row["similarity_real"])
