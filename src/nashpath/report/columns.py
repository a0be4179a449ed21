"""The columns of a table: each generated one beside the real one, and the pairs whose correlations differ most."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nashpath.core.columns import Category, TableUnits
from nashpath.metrics import correlations, marginal_gaps
from nashpath.report.phrasing import count, number
from nashpath.report.read import Run, read_frames
from nashpath.report.tables import TableCell, cell

BARS = "▁▂▃▄▅▆▇█"
BINS = 10
MOST_TEXTS, MOST_PAIRS, MOST_COLUMNS = 4, 10, 100


@dataclass(frozen=True)
class ColumnTable:
    """A table about columns, and how it was made."""

    caption: str
    headers: list[str]
    rows: list[list[TableCell]]


def table_units(reference: dict[str, np.ndarray], width: int) -> TableUnits | None:
    """The columns of a run's table, by its reference; None where samples of so many numbers are no rows of one."""
    known = reference.get("columns")
    units = None if known is None else TableUnits.from_plain(json.loads(known.tobytes()))
    return units if units is not None and sum(column.width for column in units.columns) == width else None


def column_tables(run: Run) -> list[ColumnTable]:
    """Of the last saved samples of the first member: its columns, and pairs of them; none where data are no table."""
    real = run.reference.get("real")
    units = None if real is None or real.ndim != 2 else table_units(run.reference, real.shape[1])
    if real is None or units is None or not run.frames:
        return []
    saved = [found for _, frame in read_frames(run, run.frames[-1:]) for found in sorted(frame.items())]
    shown = [(k, v) for k, v in saved if k[1:].isdecimal() and k[0] == "m" and v.shape[1:] == real.shape[1:]]
    shown = [(name, rows[np.isfinite(rows).all(1)]) for name, rows in shown]
    if not shown or len(shown[0][1]) < 2:
        return []
    name, fake = shown[0]
    of = f"{count(len(fake), 'row')} of member {name[1:]} at step {number(run.frames[-1][0])}, {len(real):,} real ones"
    return [_marginals(units, real, fake, of), *_pairs(units, real, fake, of)]


def _marginals(units: TableUnits, real: np.ndarray, fake: np.ndarray, of: str) -> ColumnTable:
    both = [units.original(torch.from_numpy(rows)).numpy() for rows in (real, fake)]
    gaps = marginal_gaps(torch.from_numpy(real), torch.from_numpy(fake), units).tolist()
    entries = sorted(range(len(gaps)), key=lambda k: -gaps[k])[:MOST_COLUMNS]
    rows = [
        [cell(units.names[k]), *map(TableCell, _told(units.columns[k], [rows[:, k] for rows in both])), cell(gaps[k])]
        for k in sorted(entries)
    ]
    what = (
        "Distance is that of Kolmogorov and Smirnov, of categories half the sum of differences of shares; bars are a "
    )
    what += "histogram from the least real value to the largest"
    more = f"; of {len(gaps)} columns the {MOST_COLUMNS} farthest" if len(gaps) > MOST_COLUMNS else ""
    return ColumnTable(f"{of}. {what}{more}.", ["Column", "Real", "Generated", "Distance"], rows)


def _told(column: Any, both: Sequence[np.ndarray]) -> list[str]:
    """A column of real rows, and of generated ones, in words."""
    if isinstance(column, Category):
        shares = [np.bincount(v.astype(int), minlength=column.width) / len(v) for v in both]
        first = np.argsort(-shares[0], kind="stable")[:MOST_TEXTS]
        rest = ", …" if column.width > MOST_TEXTS else ""
        return [
            ", ".join(f"{column.names[k] or '(empty)'} {100 * own[k]:.3g} %" for k in first) + rest for own in shares
        ]
    given = [v[~np.isnan(v)] for v in both]
    low, high = (float(end) for end in (given[0].min(), given[0].max()))
    told = [
        f"{number(float(v.mean()))} ± {number(float(v.std()))} {_bars(v, low, high)}".rstrip() if len(v) else ""
        for v in given
    ]
    empty = [f"{100 * np.isnan(v).mean():.3g} % (empty)" if np.isnan(both[0]).any() else "" for v in both]
    return [", ".join(filter(None, words)) for words in zip(told, empty)]


def _bars(values: np.ndarray, low: float, high: float) -> str:
    """A histogram in characters; values beyond the ends count at the ends."""
    if not high > low:
        return ""
    counts, _ = np.histogram(np.clip(values, low, high), BINS, (low, high))
    return "".join(BARS[round((len(BARS) - 1) * share)] for share in counts / counts.max())


def _pairs(units: TableUnits, real: np.ndarray, fake: np.ndarray, of: str) -> list[ColumnTable]:
    """The pairs of numbers (one-hot ones by their text) whose correlations differ most."""
    names = [name for c in units.columns for name in c.parts]
    owner = np.repeat(np.arange(len(units.columns)), [c.width for c in units.columns])
    a, b = (correlations(torch.from_numpy(rows)).numpy() for rows in (real, fake))
    told = np.array([bool(name) for name in names])
    i, j = np.nonzero((owner[:, None] < owner) & told[:, None] & told)
    if not len(i):
        return []
    worst = np.argsort(-np.abs(a - b)[i, j], kind="stable")[:MOST_PAIRS]
    rows = [[cell(names[i[k]]), cell(names[j[k]]), *(cell(float(m[i[k], j[k]])) for m in (a, b, b - a))] for k in worst]
    mean = number(float(np.abs(a - b)[i, j].mean()))
    caption = f"Correlations that differ most, of {of}; the mean difference is {mean}."
    return [ColumnTable(caption, ["Column", "and", "Real", "Generated", "Difference"], rows)]
