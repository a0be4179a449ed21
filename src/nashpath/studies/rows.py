"""Measurements of an experiment as tidy rows: one row a member, with its seed, its condition and its numbers."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, SupportsFloat

import numpy as np

Row = dict[str, Any]
"""``seed`` (where anything was drawn), the condition by name, and what was measured; plain JSON values."""


class Rows:
    """Rows of one experiment, in the order in which they were measured."""

    def __init__(self, rows: Iterable[Row]):
        self.rows = list(rows)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def where(self, **condition: Any) -> "Rows":
        """The rows of one condition, such as ``where(method="ns", turns=5)``. Raises `KeyError` if there are none."""
        found = [row for row in self.rows if all(row.get(key) == value for key, value in condition.items())]
        if not found:
            raise KeyError(f"no row has {', '.join(f'{k} = {v!r}' for k, v in condition.items())}")
        return Rows(found)

    def values(self, key: str) -> list[Any]:
        """One column, in the order of the rows. Raises `KeyError` where a row lacks it."""
        return [_entry(row, key) for row in self.rows]

    def by_seed(self, key: str, pool: Callable[[list[float]], float] = np.mean) -> dict[int, float]:
        """One number a seed: ``pool`` (the mean by default) over the rows that share it, seeds in order."""
        found: dict[int, list[float]] = defaultdict(list)
        for row in self.rows:
            found[_entry(row, "seed")].append(float(_entry(row, key)))
        return {seed: float(pool(found[seed])) for seed in sorted(found)}


def _entry(row: Row, key: str) -> Any:
    if key not in row:
        raise KeyError(f"a row has no {key!r}, but {', '.join(row)}")
    return row[key]


def paired(
    a: Mapping[int, float], b: Mapping[int, float], of: Callable[[float, float], float] = lambda x, y: x - y
) -> list[float]:
    """``of(a, b)``, the difference by default, for each seed; the seeds must be the same. Raises `ValueError`."""
    if set(a) != set(b):
        raise ValueError(f"seeds do not pair: {sorted(a)} and {sorted(b)}")
    return [of(a[seed], b[seed]) for seed in sorted(a)]


def significant(value: SupportsFloat, digits: int = 6) -> float:
    """The value rounded to a number of significant digits, as rows keep it."""
    return float(f"{float(value):.{digits}g}")
