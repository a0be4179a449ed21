"""What all figures of a diagnosis share: colours, the data that they see, and how a figure becomes a picture."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nashpath.diagnostics.probing import FAR
from nashpath.diagnostics.verdict import LARGE_MOVE
from nashpath.report.phrasing import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIRST, SECOND, THIRD = "#0072b2", "#d55e00", "#009e73"
INK, SOFT, BAND = "#1d2129", "#8a919c", "#cfe3f1"
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "nashpath",
}


@dataclass(frozen=True)
class DiagnosisData:
    """One member's arrays and numbers by name."""

    arrays: dict[str, np.ndarray]
    numbers: dict[str, Any]


def data_uri(draw: Callable[["Figure", DiagnosisData], None], seen: DiagnosisData, width: float) -> str:
    """The figure as an SVG picture that a page can hold; the same data give the same bytes."""
    import matplotlib  # here: half a second that no other verb needs
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(width, 3.1), layout="constrained")
        FigureCanvasSVG(figure)
        draw(figure, seen)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return "data:image/svg+xml;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 1e-6
"""Shares of the allowed distance are drawn from here to its inverse."""


def evidence(figure: "Figure", seen: DiagnosisData) -> None:
    """Each player's distance from rest over what is allowed, and the range of its own curvature, where it was asked."""
    players = seen.numbers["players"]
    names, answered = list(players), seen.numbers.get("schur")
    curved = [who for who, own in players.items() if own["smallest"] or own["largest"] or own["flat"]]  # those at rest
    whole = bool(curved) or answered is not None
    left = figure.add_subplot(1, 1 + whole, 1)
    for at, who in enumerate(names):
        own = players[who]
        known = own["distance"] is not None
        value = own["distance"] / own["allowed"] if known else (own["signal"] or 0.0) / FAR
        error = own["error"] / own["allowed"] if known else 0.0
        low, high = (min(max(v, LEAST), 1 / LEAST) for v in (value - error, value + error))
        left.plot([low, high], [at, at], color=SOFT, lw=2)
        left.plot(min(max(value, LEAST), 1 / LEAST), at, "o" if known else "s", color=SECOND, ms=6)
    left.axvspan(LEAST / 3, 1, color=SOFT, alpha=0.25, lw=0)
    left.set(xscale="log", xlim=(LEAST / 3, 3 / LEAST), xlabel="from rest / allowed")
    left.set_xticks([LEAST, 1, 1 / LEAST])
    _plain_axis(left, names)
    if not whole:
        return
    right = figure.add_subplot(1, 2, 2)
    for who in curved:
        ends = [players[who]["smallest"], players[who]["largest"]]
        right.plot(ends, [names.index(who)] * 2, color=FIRST, lw=3, marker="|", ms=10)
    if answered is not None:
        right.plot(answered, len(names), "D", color=SECOND, ms=6)
        names = [*names, "generator, once answered"]
    right.axvline(0, color=INK, lw=0.8)
    right.set_xscale("symlog", linthresh=1e-3)
    right.set_xticks([-1, 0, 1], ["−1", "0", "1"])
    right.set_xlabel("own curvature")
    right.margins(x=0.15)
    for axes in (left, right):
        _plain_axis(axes, names)
    right.set_yticklabels([])


def _plain_axis(axes: Any, names: list[str]) -> None:
    axes.minorticks_off()
    axes.tick_params(axis="x", labelsize=6)
    _named(axes, names)


def steps(figure: "Figure", seen: DiagnosisData) -> None:
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


def shares(figure: "Figure", seen: DiagnosisData) -> None:
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


if TYPE_CHECKING:
    from matplotlib.figure import Figure


def spectrum(figure: "Figure", seen: DiagnosisData) -> None:
    """Eigenvalues in the complex plane, in units of the step where that is known."""
    values, scaled = seen.arrays["spectrum"], bool(seen.numbers.get("margins"))
    axes = figure.add_subplot()
    axes.axhline(0, color=SOFT, lw=0.6)
    axes.axvline(0, color=SOFT, lw=0.6)
    axes.scatter(values[:, 0], values[:, 1], s=22, color=SECOND, zorder=3, label="eigenvalues")
    unit = "h·λ (h: learning rate)" if scaled else "λ"
    axes.set_xlabel(f"real part of {unit}: pull towards the point")
    axes.set_ylabel("imaginary part: rotation")
    axes.legend(fontsize=7, frameon=False, loc="upper right")
    axes.margins(0.15)


ROUNDS = "rounds."
"""What the arrays of multipliers are called, before the solver's name."""
LOOKS = (("o", FIRST), ("s", SECOND), ("^", THIRD), ("D", INK))
"""Marker and colour of the present solver, then of those it is compared with."""


def rounds(figure: "Figure", seen: DiagnosisData) -> None:
    """The multipliers of one round of each solver, and the unit circle."""
    axes = figure.add_subplot()
    turn = np.linspace(0, 2 * np.pi, 200)
    axes.plot(np.cos(turn), np.sin(turn), color=SOFT, lw=1)
    reach, solvers = 0.0, [name.removeprefix(ROUNDS) for name in seen.arrays if name.startswith(ROUNDS)]
    for solver, (marker, colour) in zip(solvers, LOOKS):
        values = seen.arrays[ROUNDS + solver]
        axes.scatter(*values.T, s=26, marker=marker, color=colour, label=solver, alpha=0.8, zorder=3, linewidths=0)
        reach = max(reach, 1.6 * np.hypot(values[:, 0] - 1, values[:, 1]).max())
    middle, reach = (1.0, reach) if reach < 1 else (0.0, min(4.0, max(1.15, reach)))
    axes.set(xlim=(middle - reach, middle + reach), ylim=(-reach, reach), aspect="equal")
    axes.set_xlabel("real part of the multiplier")
    axes.set_ylabel("imaginary part")
    axes.legend(fontsize=7, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def path(figure: "Figure", seen: DiagnosisData) -> None:
    """The way that play takes from the checkpoint on."""
    points, portions = seen.arrays["path"], seen.arrays.get("path.shares")
    axes = figure.add_subplot()
    axes.plot(points[:, 0], points[:, 1], color=SOFT, lw=0.8, zorder=1)
    time = np.arange(len(points)) * int(seen.arrays.get("path.every", 1))
    dots = axes.scatter(points[:, 0], points[:, 1], c=time, s=9, cmap="viridis", zorder=2, linewidths=0)
    axes.scatter(*points[0], marker="o", s=50, facecolors="none", edgecolors=INK, zorder=3, label="checkpoint")
    axes.scatter(*points[-1], marker="X", s=50, color=SECOND, zorder=3, label="end")
    if portions is None:
        axes.set(xlabel="generator's strategy", ylabel="discriminator's strategy")
    else:
        axes.set_xlabel(f"first principal direction ({100 * portions[0]:.0f} % of the variance)")
        axes.set_ylabel(f"second ({100 * portions[1]:.0f} %)")
    axes.legend(fontsize=7, frameon=False, loc="best")
    axes.margins(0.12)
    figure.colorbar(dots, ax=axes, label="further steps", shrink=0.85)


def logits(figure: "Figure", seen: DiagnosisData) -> None:
    """Histograms of the critic's logits, and what the generator's loss pays for them."""
    real, fake = seen.arrays["logits.real"], seen.arrays["logits.fake"]
    axes = figure.add_subplot()
    both = np.concatenate([real, fake])
    bins = np.linspace(both.min() - 1e-9, both.max() + 1e-9, 31)
    axes.hist(real, bins.tolist(), color=FIRST, alpha=0.6, label="real samples")
    axes.hist(fake, bins.tolist(), color=SECOND, alpha=0.6, label="generated samples")
    axes.set(xlabel="logit of the critic", ylabel="samples")
    slope = seen.arrays.get("logits.slope")
    if slope is not None:
        beside = axes.twinx()
        beside.plot(slope[:, 0], slope[:, 1], color=INK, lw=1.2)
        beside.set_ylabel("slope of the generator's loss")
        beside.set_ylim(0, max(1.05, 1.05 * slope[:, 1].max()))
    axes.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)


def _samples(figure: "Figure", seen: DiagnosisData) -> None:
    """Generated samples over real ones, and how many of them lie around each mode."""
    real, fake = seen.arrays["samples.real"], seen.arrays["samples.fake"]
    counts, centres = seen.arrays.get("samples.counts"), seen.arrays.get("samples.centres")
    few = counts is not None and len(counts) <= 100
    axes = figure.add_subplot(1, 2, 1) if few else figure.add_subplot()
    if real.shape[1] == 1:
        axes.hist(real[:, 0], 40, density=True, color=FIRST, alpha=0.6, label="real")
        axes.hist(fake[:, 0], 40, density=True, color=SECOND, alpha=0.6, label="generated")
        axes.set(xlabel="sample", ylabel="density")
    else:
        axes.scatter(*real.T, s=6, color=FIRST, alpha=0.5, linewidths=0, label="real")
        axes.scatter(*fake.T, s=6, color=SECOND, alpha=0.8, linewidths=0, label="generated")
        if centres is not None and few:
            axes.scatter(*centres.T, marker="+", s=40, color=INK, linewidths=0.8, label="modes")
        axes.set(xlabel="first direction of the data", ylabel="second direction", aspect="equal", adjustable="datalim")
    axes.legend(fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=3, markerscale=1.5)
    if few and counts is not None:
        beside = figure.add_subplot(1, 2, 2)
        beside.bar(range(len(counts)), counts, color=SECOND)
        beside.axhline(counts.sum() / len(counts), color=SOFT, lw=1, ls="--")
        beside.set(xlabel="mode", ylabel="nearest generated samples")


def _magnitudes(figure: "Figure", seen: DiagnosisData) -> None:
    """The largest parameter and the largest gradient of each tensor, at the last finite state."""
    rows = seen.arrays["magnitudes"]
    axes = figure.add_subplot()
    finite = rows[:, :2][np.isfinite(rows[:, :2]) & (rows[:, :2] > 0)]
    top = 10 * finite.max() if finite.size else 1.0
    for column, name, colour in ((0, "parameter", FIRST), (1, "gradient", SECOND)):
        whole = np.isfinite(rows[:, column]) & (rows[:, column] > 0)
        axes.scatter(np.flatnonzero(whole) + 1, rows[whole, column], s=26, color=colour, label=f"largest {name}")
        lost = np.flatnonzero(~np.isfinite(rows[:, column]))
        axes.scatter(lost + 1, np.full(len(lost), top), s=40, marker="^", color=colour, label=f"{name} not finite")
    axes.set(yscale="log", xlabel="tensor (the discriminator's first)", ylabel="largest magnitude")
    axes.set_xlim(0.4, len(rows) + 0.6)
    axes.axvline(int((rows[:, 2] == 0).sum()) + 0.5, color=SOFT, lw=0.8, ls=":")
    handles, labels = axes.get_legend_handles_labels()
    shown = [(h, name) for h, name in zip(handles, labels) if len(h.get_offsets())]  # type: ignore[attr-defined]
    axes.legend(*zip(*shown), fontsize=7, frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=2)


@dataclass(frozen=True)
class Picture:
    """A figure: how it is drawn, its title, how it is read, and the arrays or numbers that it cannot do without."""

    draw: Callable[["Figure", DiagnosisData], None]
    title: str
    caption: str
    needs: str
    width: float = 4.6


FIGURES: dict[str, Picture] = {
    "spectrum": Picture(
        spectrum,
        "Spectrum of the game",
        "Each dot is an eigenvalue of the game's Jacobian: right of 0 it pulls towards the point, left of 0 it pushes "
        "away, off the axis it goes round.",
        "spectrum",
    ),
    "rounds": Picture(
        rounds,
        "One round of play",
        "Each mark is what one round does to one direction: inside the unit circle it shrinks, outside it grows, off "
        "the real axis it turns. Where all marks are close to 1, the picture is cut out there.",
        "margins",
    ),
    "path": Picture(
        path,
        "Play from the checkpoint on",
        "The players' parameters as training goes on from here: a straight way is drift, a ring is rotation, a knot "
        "is noise round a resting place. A mere random walk, too, draws a wide arc in its two principal directions.",
        "path",
    ),
    "evidence": Picture(
        evidence,
        "Evidence for the certificate",
        "How far each player is from rest, over what is allowed (in the grey band it rests; a square: standard errors "
        "of its mean gradient over 6, where the distance is not known). Where all rest, beside it: from the smallest "
        "to the largest curvature of its own cost; left of 0 it gains by a small move.",
        "players",
        6.4,
    ),
    "steps": Picture(
        steps,
        "Steps against their limits",
        "Each bar is a step over its limit: for a player, curvature × step over the largest at which its rule "
        "contracts; for the move, the share of the norm that one step moves over 3 %. Right of the line play jumps.",
        "sharpness",
        5.4,
    ),
    "logits": Picture(
        logits,
        "Logits of the critic",
        "Black: what the generator's loss pays for a higher logit there (the logit loss pays 1). Where it is near 0 "
        "above the generated samples, these have no gradient left.",
        "logits.real",
    ),
    "samples": Picture(
        _samples,
        "Samples and modes",
        "Generated samples should lie where the real ones do, and every mode should have its share (dashed).",
        "samples.fake",
        6.4,
    ),
    "shares": Picture(
        shares,
        "Rotation, gradient, spread",
        "Rotation: the antisymmetric share of the Jacobian, 0 for pure descent and 1 for pure rotation. Gradient: the "
        "generator's, over that of the logit loss. Spread: that of the samples, over that of the data.",
        "rotation",
        5.4,
    ),
    "magnitudes": Picture(
        _magnitudes,
        "The last finite state",
        "The largest entry of each tensor and of its gradient, before the step that left the finite numbers: look for "
        "the player whose numbers tower over the other's.",
        "magnitudes",
    ),
}
"""Every figure by the name that findings give it."""
