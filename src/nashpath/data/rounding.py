"""What is left of the columns of samples once they are rounded to the kind of number that they are computed in."""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from nashpath.data.base import DataWarning

ROWS, NUMBERS = 1000, 1 << 22
"""So many rows are looked at, evenly spread, and so many numbers at most."""
KEPT = 0.9
"""The share of a column's different values that must stay different."""
SHARE = 1e-3
"""The share of a column's deviation that the root mean square of its rounding may reach."""
NOISE = 16
"""Numbers that are apart by so many of their own spacings are one: they differ by how they were computed."""


class Losses(NamedTuple):
    """By column ``[d]``: different values as they were given and as they are left, and the share of the deviation lost.

    ``small`` are columns that vary, and all below the least number that the kind holds in full.
    """

    given: np.ndarray
    kept: np.ndarray
    share: np.ndarray
    small: np.ndarray

    @property
    def notable(self) -> np.ndarray:
        """The columns of which too much is lost."""
        lost = (self.kept < KEPT * self.given) | (self.share > SHARE) | self.small
        return lost & (self.given > 1)


def some_rows(values: np.ndarray) -> np.ndarray:
    """Rows of samples ``[n, ...]`` as vectors, evenly spread over them."""
    most = max(2, min(ROWS, NUMBERS // max(1, values[0].size)))
    rows = values[:: -(-len(values) // most)]
    return np.asarray(rows).reshape(len(rows), -1)


def losses(rows: np.ndarray, kind: Any = np.float32) -> Losses:
    """What rounding vectors ``[n, d]`` of finite numbers to ``kind`` takes from each column."""
    x = np.sort(rows, axis=0)
    y = x.astype(kind)
    least: Any = NOISE * np.spacing(np.maximum(np.abs(x[1:]), np.abs(x[:-1]))) if x.dtype.kind == "f" else 0
    given = 1 + (np.diff(x, axis=0) > least).sum(0)
    kept = np.minimum(given, 1 + (np.diff(y, axis=0) > 0).sum(0))
    wide = x.astype(np.longdouble)
    reach = np.where(wide[-1] > wide[0], wide[-1] - wide[0], 1)
    error = np.sqrt((((wide - y) / reach) ** 2).mean(0))
    deviation = ((wide - wide[0]) / reach).std(0)
    share = np.divide(error, deviation, out=np.zeros_like(error), where=deviation > 0)
    small = np.maximum(np.abs(wide[0]), np.abs(wide[-1])) < np.finfo(kind).tiny
    return Losses(given, kept, share.astype(np.float64), small & (given > 1))


def check_rounding(
    rows: np.ndarray, where: str, cure: str, kind: Any = np.float32, named: Callable[[int], str] = "column {}".format
) -> bool:
    """Whether rounding ``rows [n, d]`` takes much from a column, of which a `DataWarning` then tells, with the cure.

    Raises `ValueError` where every column that varies is constant afterwards: nothing is left to learn or to measure.
    """
    found = losses(rows, kind)
    if not found.notable.any():
        return False
    left = np.where(found.notable, found.kept / found.given - found.share - 2 * found.small, np.inf)
    k = int(left.argmin())
    told = f"{where}: {_told(found, k, named(k), np.dtype(kind).name)}"
    varied = found.given > 1
    if (found.kept[varied] == 1).all():
        raise ValueError(f"{told}; nothing is left of what tells the samples apart: {cure}")
    warnings.warn(f"{told}; {cure}", DataWarning, stacklevel=5)
    return True


def _told(found: Losses, k: int, name: str, kind: str) -> str:
    """What is lost of one column, in words."""
    if found.small[k] and found.kept[k] > 1:
        return f"{name} lies below {np.finfo(kind).tiny:.2g}, the least that {kind} holds in full"
    if found.kept[k] < KEPT * found.given[k]:
        return f"{name} keeps {found.kept[k]} of {found.given[k]} different values in {kind}"
    return f"{name} is moved by {100 * found.share[k]:.2g} % of its deviation by rounding to {kind}"
