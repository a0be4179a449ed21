"""What all figures of a diagnosis share: colours, the data that they see, and how a figure becomes a picture."""

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

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
class Seen:
    """One member's arrays by name, and the numbers beside them."""

    arrays: dict[str, np.ndarray]
    numbers: dict[str, Any]


def data_uri(draw: Callable[["Figure", Seen], None], seen: Seen, width: float) -> str:
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
