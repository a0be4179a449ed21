"""Figures of a diagnosis that are rows of numbers: the evidence, the steps, and the shares."""

from typing import TYPE_CHECKING, Any

from nashpath.diagnostics.verdict import LARGE_MOVE
from nashpath.report.diagnosis_ink import BAND, FIRST, INK, SECOND, SOFT, Seen
from nashpath.report.phrasing import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOLERANCE = 1e-3


def evidence(figure: "Figure", seen: Seen) -> None:
    """What the certificate looked at, on one axis that is linear within the tolerance and logarithmic beyond."""
    n = seen.numbers
    rows = [("distance from stationary", n.get("distance")), ("smallest real part", n.get("smallest_real"))]
    for who in n.get("curvature") or {}:
        rows.append((f"{who}'s smallest curvature", n["curvature"][who]))
        rows.append((f"{who}'s largest curvature", (n.get("largest") or {}).get(who)))
    rows.append(("generator's, once answered", n.get("schur")))
    rows = [(name, float(value)) for name, value in rows if value is not None]
    axes = figure.add_subplot()
    axes.axvspan(-TOLERANCE, TOLERANCE, color=SOFT, alpha=0.25, lw=0)
    axes.axvline(0, color=SOFT, lw=0.6)
    axes.scatter([value for _, value in rows], range(len(rows)), color=SECOND, s=26, zorder=3)
    axes.set_xscale("symlog", linthresh=TOLERANCE)
    reach = max(1.5, 1.5 * max(abs(value) for _, value in rows))
    axes.set(xlim=(-reach, reach), yticks=range(len(rows)), yticklabels=[name for name, _ in rows])
    axes.set_xlabel("relative to the largest eigenvalue")
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xticks([-1, -1e-2, 0, 1e-2, 1], ["−1", "−0.01", "0", "0.01", "1"])
    axes.minorticks_off()


def steps(figure: "Figure", seen: Seen) -> None:
    """Steps over their limits, on a logarithmic axis with the limit at 1."""
    n = seen.numbers
    rows = [(f"{who}: curvature × step", value) for who, value in (n.get("sharpness") or {}).items()]
    if n.get("moves") is not None:
        rows.append(("move of one step", n["moves"] / LARGE_MOVE))
    axes = figure.add_subplot()
    shown = [(name, max(float(value), 1e-4)) for name, value in rows]
    axes.barh(range(len(shown)), [value for _, value in shown], color=FIRST, height=0.55, left=0)
    axes.set_xscale("log")
    axes.set_xlim(1e-4, max(10.0, 3 * max((value for _, value in shown), default=1.0)))
    axes.axvline(1, color=SECOND, lw=1.4)
    _named(axes, [name for name, _ in shown])
    for at, (_, value) in enumerate(rows):
        axes.text(max(float(value), 1e-4) * 1.15, at, number(float(f"{value:.3g}")), va="center", fontsize=7, color=INK)
    axes.set_xlabel("step over its limit")


def shares(figure: "Figure", seen: Seen) -> None:
    """Shares of 1."""
    n = seen.numbers
    rows = {"rotation": n.get("rotation"), "gradient over logit loss": n.get("vanishing"), "spread": n.get("spread")}
    shown = [(name, float(value)) for name, value in rows.items() if value is not None]
    axes = figure.add_subplot()
    axes.barh(range(len(shown)), [1.0] * len(shown), color=BAND, height=0.55)
    axes.barh(range(len(shown)), [min(value, 1.5) for _, value in shown], color=FIRST, height=0.3)
    for at, (_, value) in enumerate(shown):
        axes.text(1.52, at, number(float(f"{value:.3g}")), va="center", fontsize=7, color=INK)
    axes.set_xlim(0, 1.5)
    _named(axes, [name for name, _ in shown])
    axes.set_xlabel("share of 1")


def _named(axes: Any, names: list[str]) -> None:
    axes.set(yticks=range(len(names)), yticklabels=names)
    axes.set_ylim(len(names) - 0.5, -0.5)
