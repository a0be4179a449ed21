"""Whole numbers that double precision does not tell apart: beyond 2^53 it holds only some."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import pairwise

import numpy as np

EXACT = 2**53
"""The largest whole number up to which double precision holds all."""


def merged_texts(numbers: Iterable[str]) -> tuple[str, str] | None:
    """Two of these texts of finite numbers whose different whole values are one in double precision; None: no two."""
    exact = {number: text for text in numbers if abs(number := Decimal(text)) >= EXACT and number == int(number)}
    found = next((pair for pair in pairwise(sorted(exact)) if float(pair[0]) == float(pair[1])), None)
    return None if found is None else (exact[found[0]], exact[found[1]])


def merged(values: np.ndarray) -> tuple[int, int] | None:
    """Two different ones of whole numbers ``[n]`` that are one in double precision; None: no two."""
    large = np.unique(values[(values >= EXACT) | (values.astype(np.float64) <= -EXACT)])
    as_doubles = large.astype(np.float64)
    alike = np.flatnonzero(as_doubles[1:] == as_doubles[:-1])
    return (int(large[alike[0]]), int(large[alike[0] + 1])) if len(alike) else None


def check_apart(values: np.ndarray, where: str) -> None:
    """Raises `ValueError`, naming the column, for vectors ``[n, d]`` of whole numbers of which some would be one."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize < 8:
        return
    for k in range(values.shape[1]):
        if found := merged(values[:, k]):
            raise ValueError(
                f"{where}: column {k} holds the whole numbers {found[0]} and {found[1]}, and beyond 2^53 these are not "
                "told apart; leave the column out, or give float numbers where it holds amounts"
            )
