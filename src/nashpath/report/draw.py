"""Draws a study's figures (`nashpath.studies.figures`) from its rows, and each claim with its criterion."""

import base64
import io
import math
from collections import defaultdict
from collections.abc import Callable
from functools import singledispatch
from typing import TYPE_CHECKING, Any

import numpy as np

from nashpath.core import own
from nashpath.report.phrasing import setting
from nashpath.studies import Cloud, Figure, Heat, Lines, Row, Strip

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#b8579a", "#c98a00", "#3aa6dd", "#6b6b6b", "#7a4b1e")
TONES = {"supported": "#00795a", "refuted": "#b3450a", "inconclusive": "#8a6100"}

Drawing = Callable[[Any, list[Row]], "Canvas"]

LIGHT = 0.6
"""Beyond this share of the scale its colours are light, and are written on in black."""


def draw_figure(figure: Figure, rows: list[Row]) -> "Canvas":
    """A matplotlib figure of those rows that the figure selects. Raises `KeyError` where a column is missing."""
    chosen = [row for row in rows if all(row.get(key) == value for key, value in figure.where.items())]
    if not chosen:
        raise KeyError(f"no row has {dict(figure.where)}")
    return _draw(figure, chosen)


def as_png(canvas: "Canvas", dpi: int = 110) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def inline(canvas: "Canvas", dpi: int = 110) -> str:
    """The picture as a data address, for a page that needs no other file."""
    return "data:image/png;base64," + base64.b64encode(as_png(canvas, dpi)).decode("ascii")


def draw_claim(claim: dict[str, Any]) -> "Canvas | None":
    """One judged claim: a dot a seed, the interval of their mean, and the range in which it was to lie (shaded)."""
    values = [v for v in claim["values"] if v is not None]
    if not values or claim["exact"]:
        return None
    canvas, axes = new_canvas(7.2, 1.05)
    low, high = (None if v is None or not math.isfinite(v) else v for v in claim["accept"])
    seen = [*values, *(v for v in (low, high) if v is not None)]
    margin = 0.08 * (max(seen) - min(seen) or abs(seen[0]) or 1.0)
    left, right = min(seen) - margin, max(seen) + margin
    axes.axvspan(left if low is None else low, right if high is None else high, color="#00795a", alpha=0.12, lw=0)
    axes.plot(values, np.linspace(-0.25, 0.25, len(values)), "o", ms=4, color="#59616e", alpha=0.8)
    if claim["mean"] is not None:
        tone = TONES.get(claim["verdict"], "black")
        ends = [claim["mean"] if v is None else v for v in claim["interval"]]
        axes.plot(ends, [0, 0], "-", lw=3, color=tone, solid_capstyle="butt")
        axes.plot([claim["mean"]], [0], "D", ms=6, color=tone)
    axes.set(xlim=(left, right), ylim=(-0.6, 0.6), yticks=[])
    axes.tick_params(labelsize=8)
    return canvas


def drawing(kind: type[Figure]) -> Callable[[Drawing], Drawing]:
    """A decorator for the function that draws figures of a ``kind`` of one's own from the rows that they select."""
    register = _draw.register(kind)

    def named(function: Drawing) -> Drawing:
        own.note_name(function, own.OwnRow("figure", kind.__name__, "a canvas of the rows that the figure selects"))
        return register(function)

    return named


@singledispatch
def _draw(figure: Figure, rows: list[Row]) -> "Canvas":
    raise TypeError(f"{type(figure).__name__} is no figure that can be drawn")


@_draw.register(Strip)
def _strip(figure: Strip, rows: list[Row]) -> "Canvas":
    groups = {label: _column(part, figure.y) for label, part in _groups(rows, figure.by).items()}
    canvas, axes = new_canvas(7.2, 1.2 + 0.3 * len(groups))
    for place, values in enumerate(groups.values()):
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(values, place + np.linspace(-0.22, 0.22, len(values)), "o", ms=4, color=colour, alpha=0.75)
        middle = np.exp(np.mean(np.log(values))) if figure.log and min(values) > 0 else np.mean(values)
        axes.plot([middle] * 2, [place - 0.36, place + 0.36], "-", lw=2, color=colour)
    axes.set(
        yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.4, -0.6), xlabel=_words(figure.y)
    )
    if figure.log and all(v > 0 for values in groups.values() for v in values):
        axes.set_xscale("log")
    if figure.target is not None:
        axes.axvline(figure.target, color="black", ls="--", lw=1)
    axes.grid(axis="x", alpha=0.3)
    return canvas


@_draw.register(Lines)
def _lines(figure: Lines, rows: list[Row]) -> "Canvas":
    canvas, axes = new_canvas(7.2, 4.2)
    groups = _groups(rows, figure.by)
    for place, (label, part) in enumerate(groups.items()):
        x, low, middle, high = _curve(part, figure)
        style = ("-", "--", ":", "-.")[place // len(COLOURS) % 4]
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(x, middle, ls=style, color=colour, label=label, lw=1.6)
        axes.fill_between(x, low, high, color=colour, alpha=0.15, lw=0)
    axes.set(xlabel=_words(figure.x), ylabel=_words(figure.y))
    if figure.log_x:
        axes.set_xscale("log")
    if figure.log_y:
        axes.set_yscale("log")
    if figure.target is not None:
        axes.axhline(figure.target, color="black", ls="--", lw=1)
    if groups.keys() != {""}:
        axes.legend(fontsize=8, ncols=1 + len(groups) // 9)
    axes.grid(alpha=0.3)
    return canvas


@_draw.register(Heat)
def _heat(figure: Heat, rows: list[Row]) -> "Canvas":
    from matplotlib.colors import LogNorm, Normalize

    panels = _groups(rows, (figure.by,))
    xs, ys = (sorted({row[key] for row in rows}) for key in (figure.x, figure.y))
    tables = {name: _table(part, figure, xs, ys) for name, part in panels.items()}
    known = np.concatenate([t[np.isfinite(t)] for t in tables.values()])
    scale = (LogNorm if figure.log and known.min() > 0 else Normalize)(known.min(), known.max())
    canvas, grid = new_panels(len(panels), 2.3, 2.2)
    picture = None
    for axes, (name, table) in zip(grid, tables.items()):
        picture = axes.imshow(table, norm=scale, cmap="viridis", origin="lower", aspect="auto")
        for (i, j), value in np.ndenumerate(table):
            ink = "black" if scale(value) > LIGHT else "white"
            axes.text(j, i, f"{value:.3g}", ha="center", va="center", fontsize=7, color=ink)
        axes.set_title(name, fontsize=9)
        axes.set_xticks(range(len(xs)), [setting(x) for x in xs], fontsize=7)
        axes.set_yticks(range(len(ys)), [setting(y) for y in ys], fontsize=7)
        axes.set_xlabel(_words(figure.x), fontsize=8)
        axes.set_ylabel(_words(figure.y), fontsize=8)
    if picture is not None:
        canvas.colorbar(picture, ax=list(grid), label=_words(figure.value))
    return canvas


@_draw.register(Cloud)
def _cloud(figure: Cloud, rows: list[Row]) -> "Canvas":
    shown = [row for row in rows if row.get(figure.points)]
    first = {label: part[0] for label, part in _groups(shown, figure.by).items()}
    canvas, grid = new_panels(len(first), 2.3, 2.3)
    for axes, (label, row) in zip(grid, first.items()):
        if figure.real and row.get(figure.real):
            axes.scatter(*np.array(row[figure.real]).T, s=4, color="#0072b2", alpha=0.35, lw=0)
        axes.scatter(*np.array(row[figure.points]).T, s=5, color="#d55e00", alpha=0.8, lw=0)
        axes.set_title(label, fontsize=9)
        axes.set_aspect("equal", adjustable="datalim")
        axes.tick_params(labelsize=7)
    return canvas


def new_canvas(width: float, height: float) -> tuple["Canvas", "Axes"]:
    canvas = _blank(width, height)
    return canvas, canvas.add_subplot()


def new_panels(count: int, width: float, height: float) -> tuple["Canvas", list["Axes"]]:
    columns = min(4, count)
    lines = -(-count // columns)
    canvas = _blank(columns * width + 0.6, lines * height + 0.2)
    return canvas, [canvas.add_subplot(lines, columns, k + 1) for k in range(count)]


def _blank(width: float, height: float) -> "Canvas":
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here: half a second that no other verb needs
    from matplotlib.figure import Figure as Canvas

    canvas = Canvas(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(canvas)
    return canvas


def _groups(rows: list[Row], by: tuple[str, ...]) -> dict[str, list[Row]]:
    """Rows by what their columns ``by`` say, in order of first appearance."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[", ".join(_spelt(key, row[key]) for key in by if key in row)].append(row)
    return found


def _spelt(key: str, value: Any) -> str:
    return _words(value) if isinstance(value, str) else f"{_words(key)} {setting(value)}"


def _words(key: str) -> str:
    return key.replace("_", " ")


def _column(rows: list[Row], key: str) -> list[float]:
    return [float(row[key]) for row in rows if row.get(key) is not None]


def _curve(rows: list[Row], figure: Lines) -> tuple[np.ndarray, ...]:
    """Positions, and the least, the median and the greatest value over rows at each."""
    found: dict[float, list[float]] = defaultdict(list)
    for row in rows:
        xs, ys = (row[key] if isinstance(row[key], list) else [row[key]] for key in (figure.x, figure.y))
        for x, y in zip(xs, ys):
            if x is not None and y is not None:
                found[float(x)].append(float(y))
    x = np.array(sorted(found))
    parts = [found[value] for value in x]
    return x, *(np.array([pool(part) for part in parts]) for pool in (np.min, np.median, np.max))


def _table(rows: list[Row], figure: Heat, xs: list[Any], ys: list[Any]) -> np.ndarray:
    table = np.full((len(ys), len(xs)), np.nan)
    for i, y in enumerate(ys):
        for j, x in enumerate(xs):
            values = _column([r for r in rows if r[figure.x] == x and r[figure.y] == y], figure.value)
            table[i, j] = np.mean(values) if values else np.nan
    return table
