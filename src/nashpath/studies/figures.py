"""Figures of studies as data: columns of rows and their layout. `nashpath.report` draws them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Figure:
    """A titled picture of an experiment's rows (of those that ``where`` selects); ``caption`` says how to read it."""

    title: str
    caption: str = ""
    where: Mapping[str, Any] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class Strip(Figure):
    """One dot a row: column ``y`` over the conditions that the columns ``by`` spell, with the mean as a bar."""

    y: str = field(kw_only=True)
    by: tuple[str, ...] = field(kw_only=True)
    log: bool = field(default=False, kw_only=True)
    target: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Lines(Figure):
    """Curves: column ``y`` against column ``x``, a line a condition, the median and range of rows at each ``x``.

    Either column may hold lists (a whole curve in each row) or numbers (a point in each row).
    """

    x: str = field(kw_only=True)
    y: str = field(kw_only=True)
    by: tuple[str, ...] = field(kw_only=True)
    log_x: bool = field(default=False, kw_only=True)
    log_y: bool = field(default=False, kw_only=True)
    target: float | None = field(default=None, kw_only=True)


@dataclass(frozen=True)
class Heat(Figure):
    """A table of colours for each value of ``by``: the mean of column ``value`` over columns ``x`` and ``y``."""

    x: str = field(kw_only=True)
    y: str = field(kw_only=True)
    value: str = field(kw_only=True)
    by: str = field(kw_only=True)
    log: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class Cloud(Figure):
    """Points in the plane, a panel a condition: ``points`` is a column of lists [[x, y], …], of the first seed's row.

    ``real`` names a column of the same form drawn beneath.
    """

    points: str = field(kw_only=True)
    by: tuple[str, ...] = field(kw_only=True)
    real: str | None = field(default=None, kw_only=True)
