"""What the claims read off the rows."""

from collections.abc import Callable, Sequence
from math import log
from typing import Any

from nashpath.studies.rows import Rows, paired

Values = Callable[[Rows], Sequence[float]]


def column(key: str, **condition: Any) -> Values:
    """One number of every row of a condition."""
    return lambda rows: rows.where(**condition).values(key)


def versus(
    key: str, a: dict[str, Any], b: dict[str, Any], of: Callable[[float, float], float] = lambda x, y: x - y
) -> Values:
    """``of(a, b)``, the difference by default, of one number under two conditions, by seed."""
    return lambda rows: paired(rows.where(**a).by_seed(key), rows.where(**b).by_seed(key), of)


def log_ratio(a: float, b: float) -> float:
    """log(a / b) of two test errors; half an error in 542 stands for none."""
    return log(max(a, 1e-3) / max(b, 1e-3))


def growths(order: str, expected: Callable[[int], float]) -> Values:
    """Last over first distance on xy without averaging, over what is expected of it, less 1."""

    def values(rows: Rows) -> list[float]:
        found = rows.where(game="bilinear", coefficient=0.0, order=order)
        return [abs(row["distance"] / row["began"] / expected(row["step"][-1]) - 1) for row in found]

    return values


def worst_removal(rows: Rows) -> list[float]:
    """Inception score without minibatch discrimination less the lowest with another removed, by seed."""
    removed = ("virtual batch norm", "historical averaging", "label smoothing")
    scores = [rows.where(techniques=f"all but {name}").by_seed("inception_score") for name in removed]
    lowest = {seed: min(score[seed] for score in scores) for seed in scores[0]}
    return paired(rows.where(techniques="all but minibatch discrimination").by_seed("inception_score"), lowest)


def against(arm: str, other: str, labels: int) -> Values:
    """log(test error of one arm / of the other), by seed."""
    return versus("test_error", {"arm": arm, "labels": labels}, {"arm": other, "labels": labels}, log_ratio)
