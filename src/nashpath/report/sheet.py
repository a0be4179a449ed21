"""Sample sheets: a grid of images, or a scatter of points, as a picture file."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from nashpath.core.cache import replacing
from nashpath.core.tiles import tiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REAL, GENERATED, RAW = "#0072b2", "#d55e00", "#999999"


def sheet(images: Any, columns: int | None = None, scale: int | None = None, gap: int | None = None) -> Image.Image:
    """A grid of ``images`` ``[n, channels, height, width]`` in [-1, 1], row by row, as `nashpath.core.tiles.tiles`."""
    canvas = tiles(images, columns, scale, gap)
    return Image.fromarray(canvas if canvas.shape[2] == 3 else canvas[..., 0])


def scatter(samples: Any, reference: Any = None, centres: Any = None, raw: Any = None) -> "Figure":
    """Points ``[n, d]`` over real ones, in their first two coordinates; for ``d = 1`` a histogram."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # here: half a second that no other verb needs
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    layers = [("real", reference, REAL, 0.35), ("generated, raw weights", raw, RAW, 0.5)]
    layers += [("generated" if raw is None else "generated, averaged weights", samples, GENERATED, 0.8)]
    for label, points, colour, alpha in layers:
        if points is None:
            continue
        points = _flat(points)
        if points.shape[1] == 1:
            axes.hist(points[:, 0], bins=60, density=True, label=label, color=colour, alpha=0.6)
        else:
            axes.scatter(points[:, 0], points[:, 1], s=6, label=label, color=colour, alpha=alpha, linewidths=0)
    if centres is not None and np.ndim(centres) == 2 and np.shape(centres)[1] > 1:
        spots = _flat(centres)
        axes.scatter(spots[:, 0], spots[:, 1], marker="+", color="black", label="centres")
    plane = _flat(samples).shape[1] > 1
    axes.set(xlabel="first coordinate", ylabel="second coordinate" if plane else "density")
    if plane:
        axes.set_aspect("equal", adjustable="datalim")
    axes.legend(loc="upper right")
    return figure


def write_sheet(samples: Any, path: Path | str, reference: Any = None, centres: Any = None, raw: Any = None) -> Path:
    """Writes a picture of ``samples`` (images or points): the format is that of the path's ending, usually ``.png``.

    With ``reference``, real images stand to the right of the generated ones, real points under them. With ``raw``,
    samples of the last step's weights, ``samples`` are called averaged, and the raw ones stand beside them. Raises
    `ValueError` for an ending that no picture has.
    """
    path = Path(path)
    if np.ndim(samples) != 4:
        figure = scatter(samples, reference, centres, raw)
        with replacing(path) as file:
            figure.savefig(file, dpi=120, format=path.suffix.lower().removeprefix(".") or "png")
        return path
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"{path}: no picture ends in {path.suffix!r}; name it .png")
    pages = [sheet(samples)]
    if raw is not None:
        pages = [_titled(pages[0], "averaged"), _titled(sheet(raw), "raw")]
    if reference is not None:
        real = sheet(reference[: len(samples)])
        pages.append(real if raw is None else _titled(real, "real"))
    space = 24
    width = sum(page.width for page in pages) + space * (len(pages) - 1)
    joined = Image.new(pages[0].mode, (width, max(page.height for page in pages)), "white")
    left = 0
    for page in pages:
        joined.paste(page, (left, 0))
        left += page.width + space
    with replacing(path) as file:
        joined.save(file, kind)
    return path


def _titled(page: Image.Image, title: str) -> Image.Image:
    """The page under a line with its title."""
    tall = Image.new(page.mode, (page.width, page.height + 20), "white")
    tall.paste(page, (0, 20))
    ImageDraw.Draw(tall).text((4, 4), title, fill="black")
    return tall


def _flat(points: Any) -> np.ndarray:
    array = np.asarray(points, dtype=np.float64)
    array = array.reshape(len(array), -1)
    return array[np.isfinite(array).all(axis=1)]
