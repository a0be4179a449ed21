"""The animated canvas of a report: points, images or trajectories through training."""

import base64
import math
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np

from nashpath.core.columns import TableUnits
from nashpath.core.errors import first_names
from nashpath.report.columns import table_units
from nashpath.report.curves import strands
from nashpath.report.phrasing import count, numbered, settings_label
from nashpath.report.read import Run, class_names_of, read_frames
from nashpath.report.sheet import sheet
from nashpath.report.tables import MOST_CLASSES

IMAGE_BUDGET = 1_700_000
"""Bytes of all PNG files together; base64 makes a third more of it in the page."""
SIZES = (64, 49, 36, 25, 16, 9, 4)
"""Images a sheet may show, most wanted first."""
Frames = list[tuple[int, dict[str, np.ndarray]]]
Shown = Sequence[int | str]
"""Members of a film by their number; ``"3.raw"`` are the samples of the raw weights of one that is averaged."""


def images_film(frames: Frames, members: Shown, reference: dict[str, np.ndarray]) -> dict[str, Any]:
    """Sheets as base64 PNG, ``sheets[frame][position of the member]``, and one sheet of real images.

    ``nearest[position of the member]`` are the real images nearest to the last frame's, of so many (``among``).
    Sheets show fewer images, then fewer steps, until all fit into the budget.
    """
    shown, frames = _fitting(frames, members)
    real, last = reference.get("real"), frames[-1][1]
    return {
        "kind": "images",
        "steps": [step for step, _ in frames],
        "shown": shown,
        "sheets": [[_png(saved.get(f"m{m}"), shown, _rows(saved, m)) for m in members] for _, saved in frames],
        "by_class": any(_rows(saved, m) for _, saved in frames for m in members),
        "classes": first_names(numbered(class_names_of(reference)), MOST_CLASSES),
        "real": _png(real, shown) if real is not None and real.ndim == 4 else None,
        "nearest": [_png(_nearest(last.get(f"m{m}"), real), shown, _rows(last, m)) for m in members],
        "among": 0 if real is None else len(real),
    }


def _nearest(images: np.ndarray | None, real: np.ndarray | None) -> np.ndarray | None:
    """The real image nearest to each of these, by Euclidean distance of their pixels."""
    if images is None or real is None or real.ndim != 4 or images.shape[1:] != real.shape[1:]:
        return None
    ours, theirs = (np.nan_to_num(part.reshape(len(part), -1).astype(np.float64)) for part in (images, real))
    squares = np.square(ours).sum(1)[:, None] + np.square(theirs).sum(1) - 2 * ours @ theirs.T
    return real[squares.argmin(1)]


def _fitting(frames: Frames, members: Shown) -> tuple[int, Frames]:
    last = frames[-1][1]
    probe = next(last[f"m{m}"] for m in members if f"m{m}" in last) if members else np.zeros((1, 1, 1, 1))
    each = len(_png(probe, len(probe)) or "") * 0.75 / len(probe)
    while True:
        affordable = IMAGE_BUDGET / (each * (len(frames) + 1) * max(1, len(members)))  # with the nearest real ones
        fitting = [size for size in SIZES if size <= affordable]
        if fitting or len(frames) <= 8:
            shown = fitting[0] if fitting else SIZES[-1]
            return min(shown, len(probe)), frames
        frames = [*frames[:-1:2], frames[-1]]


def _rows(saved: dict[str, np.ndarray], member: int | str) -> int:
    """The classes of a member's samples, which lie class after class; 0 where they do not."""
    found = saved.get(f"rows{str(member).removesuffix(RAW)}")
    return int(found) if found is not None and found.size == 1 else 0


def _png(images: np.ndarray | None, most: int, rows: int = 0) -> str | None:
    """A sheet of at most so many images; of several ``rows`` one a class, fewer in each."""
    if images is None or not len(images):
        return None
    columns = None
    if rows and len(images) % rows == 0:
        columns = max(1, min(most, len(images)) // rows)
        images = images.reshape(rows, -1, *images.shape[1:])[:, :columns].reshape(-1, *images.shape[1:])
    file = BytesIO()
    sheet(images if columns else images[:most], columns, scale=1, gap=1).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")


POINT_BUDGET = 1_700_000
"""Bytes of all frames together; base64 makes a third more of it in the page."""
MOST_POINTS, MOST_GRID, LEAST_GRID = 1000, 64, 20
LARGEST = 32767
REACH = 4.0
"""Coordinates are kept up to this many half-widths from the middle; what lies further is moved to that edge."""


def points_film(frames: Frames, members: Shown, reference: dict[str, np.ndarray]) -> dict[str, Any]:
    """Points ``frames[frame][position of the member] = {"points", "levels", "low", "high"}`` in base64.

    Points are pairs of little-endian int16; levels are the inverse hyperbolic sine of the logits, in int16 between
    ``low`` and ``high``, row by row, upwards in the second coordinate (``[row, column]`` is ``[y, x]``).
    """
    real = reference.get("real")
    width = int(next((v.shape[1] for _, saved in frames for v in saved.values() if v.ndim == 2), 2))
    units = table_units(reference, width)
    if units is None:
        axes, said = _coordinates(width)
    else:
        plane, axes, said = _columns(units)
        real = real[:, plane] if real is not None and real.shape[1:] == (width,) else None
        frames = [(step, {k: v[:, plane] if k[0] == "m" else v for k, v in saved.items()}) for step, saved in frames]
    extent = _extent(frames, members, real)
    grid, shown = _sizes(frames, members)
    centres = reference.get("centres")
    return {
        "kind": "points",
        "steps": [step for step, _ in frames],
        "extent": extent,
        "grid": grid,
        "reach": REACH,
        "axes": axes,
        "said": said,
        "frames": [[_frame(saved, m, extent, grid, shown) for m in members] for _, saved in frames],
        "real": _packed(real[:MOST_POINTS], extent) if real is not None else None,
        "centres": _plane(centres).tolist() if centres is not None else [],
    }


def _coordinates(width: int) -> tuple[list[str], str]:
    """What the axes of samples of so many numbers are called, and what is said of the others."""
    if width < 2:
        return ["first coordinate", ""], "Samples have one coordinate; the height only spreads them."
    more = f"Samples have {width} coordinates; the first two are shown." if width > 2 else ""
    return ["first coordinate", "second coordinate"], more


def _columns(units: TableUnits) -> tuple[list[int], list[str], str]:
    """The places of a table's first two columns of numbers (or of what it has), their axes, and what is said."""
    names = [name for column in units.columns for name in column.parts]
    one_hot = {place for begin, many in units.blocks for place in range(begin, begin + many)}
    named = [place for place, name in enumerate(names) if name]
    plane = ([place for place in named if place not in one_hot] or named)[:2]
    chosen = [names[place] for place in plane]
    said = f"Of {count(len(units.columns), 'column')}, on the scale of training: {' and '.join(chosen)}."
    return plane, [*chosen, ""][:2], said


def _sizes(frames: Frames, members: Shown) -> tuple[int, int]:
    saved = frames[-1][1]
    each = POINT_BUDGET / (len(frames) * max(1, len(members)))
    sides = [len(saved[f"level{m}"]) for m in members if f"level{m}" in saved]
    affordable = int(np.sqrt(each / 2 / 2))
    grid = min(max(sides), MOST_GRID, max(LEAST_GRID, affordable)) if sides else 0
    return grid, int(np.clip((each - 2 * grid**2) / 4, 50, MOST_POINTS))


def _frame(
    saved: dict[str, np.ndarray], member: int | str, extent: list[float], grid: int, shown: int
) -> dict[str, Any] | None:
    points = saved.get(f"m{member}")
    if points is None:
        return None
    lost = int((~np.isfinite(points).all(axis=1)).sum())
    beside = _levels(saved.get(f"level{member}"), grid) | _arrows(saved.get(f"field{member}"))
    return {"points": _packed(points[:shown], extent), "lost": lost, **beside}


def _arrows(velocity: np.ndarray | None) -> dict[str, Any]:
    """A flow's velocity on a square grid, ``[row, column, 2]``, as angles in degrees and shares of the largest speed.

    Shares are on a scale of arcsinh from the median speed, so that slow regions show their direction, too.
    """
    if velocity is None or velocity.ndim != 3 or not np.isfinite(velocity).all():
        return {}
    speed = np.hypot(velocity[..., 0], velocity[..., 1])
    shown = np.arcsinh(speed / max(float(np.median(speed)), 1e-12))
    share = shown / max(float(shown.max()), 1e-12)
    angle = np.degrees(np.arctan2(velocity[..., 1], velocity[..., 0]))
    return {"arrows": [[round(float(a)), round(float(s), 2)] for a, s in zip(angle.ravel(), share.ravel())]}


def _levels(logits: np.ndarray | None, grid: int) -> dict[str, Any]:
    if logits is None or not grid or logits.ndim != 2 or not np.isfinite(logits).all():
        return {"levels": None}
    values = np.arcsinh(_resampled(logits.astype(np.float64), grid))
    low, high = float(values.min()), float(values.max())
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return {"levels": _base64(np.rint((2 * share - 1) * LARGEST)), "low": low, "high": high}


def _resampled(values: np.ndarray, grid: int) -> np.ndarray:
    """Linear interpolation to ``[grid, grid]``, corners kept."""
    for _ in range(2):
        old, new = np.linspace(0, 1, len(values)), np.linspace(0, 1, grid)
        values = np.stack([np.interp(new, old, column) for column in values.T])
    return values


def _packed(points: np.ndarray, extent: list[float]) -> str:
    plane = _plane(points)
    plane = plane[np.isfinite(plane).all(axis=1)]
    middle = np.array([(extent[0] + extent[1]) / 2, (extent[2] + extent[3]) / 2])
    half = np.array([(extent[1] - extent[0]) / 2, (extent[3] - extent[2]) / 2])
    return _base64(np.rint(np.clip((plane - middle) / (half * REACH), -1, 1) * LARGEST))


def _plane(points: np.ndarray) -> np.ndarray:
    """The first two coordinates; one-dimensional points are spread over the second."""
    points = np.asarray(points, dtype=np.float64).reshape(len(points), -1)
    if points.shape[1] == 1:
        return np.column_stack([points[:, 0], np.linspace(-1, 1, len(points))])
    return points[:, :2]


def _extent(frames: Frames, members: Shown, real: np.ndarray | None) -> list[float]:
    """The picture's edges: as saved with the level sets, or around the real points, or around the last samples."""
    saved = next((s["extent"] for _, s in frames if "extent" in s and _has_area(s["extent"])), None)
    if saved is not None:
        return [float(v) for v in saved]
    last = [frames[-1][1][f"m{m}"] for m in members if f"m{m}" in frames[-1][1]]
    cloud = np.concatenate([_plane(part) for part in ([real] if real is not None else last)] or [np.zeros((1, 2))])
    cloud = cloud[np.isfinite(cloud).all(axis=1)]
    if not len(cloud):
        return [-1.0, 1.0, -1.0, 1.0]
    low, high = cloud.min(axis=0), cloud.max(axis=0)
    middle, spread = (low + high) / 2, float((high - low).max())
    half = 0.65 * max(spread, 1e-6) if spread > 0 else max(1.0, float(np.abs(middle).max()))
    return [float(middle[0] - half), float(middle[0] + half), float(middle[1] - half), float(middle[1] + half)]


def _has_area(extent: np.ndarray) -> bool:
    return bool(np.isfinite(extent).all() and extent[0] < extent[1] and extent[2] < extent[3])


def _base64(values: np.ndarray) -> str:
    return base64.b64encode(values.astype("<i2").tobytes()).decode("ascii")


def trajectory_film(frames: Frames, members: Shown, reference: dict[str, np.ndarray]) -> dict[str, Any]:
    """``paths[position of the member][frame] = [x, y]``, None where it is missing or not finite.

    A game of one parameter is drawn against the step. ``equilibrium`` is a spot, or None. ``coarse`` says of each path
    whether its points lie too far apart to join: the way between them is not known.
    """
    lone = all(saved[name].size == 1 for _, saved in frames for name in saved if name.startswith("p"))
    paths = [[_spot(step, saved.get(f"p{m}"), lone) for step, saved in frames] for m in members]
    centre = None if lone else _spot(0, reference.get("equilibrium"), lone)
    return {
        "kind": "trajectory",
        "steps": [step for step, _ in frames],
        "paths": paths,
        "equilibrium": centre,
        "axes": ["step", STRATEGIES[0]] if lone else STRATEGIES,
        "coarse": [not lone and _coarse(path, centre) for path in paths],
    }


STRATEGIES = ["the generator's strategy", "the discriminator's strategy"]
"""What `nashpath.run` saves of a toy first: the first coordinate of each player."""
WIDEST = math.pi / 4
"""Angle between neighbouring points up to which they are joined; beyond, a straight line tells of no turn there was."""
AT_REST = 0.02
"""Points nearer to the equilibrium than this share of the farthest are not asked for their angle."""


def _coarse(path: list[list[float] | None], centre: list[float] | None) -> bool:
    """Whether a tenth of the steps, or more, turn too far: about the equilibrium, or else from step to step."""
    points = np.array([spot for spot in path if spot is not None])
    arms = points - np.array(centre) if centre is not None and len(points) else np.diff(points, axis=0)
    size = np.hypot(*arms.T) if len(arms) else np.zeros(0)
    arms = arms[size > AT_REST * size.max(initial=0)]
    if len(arms) < 3:
        return False
    turned = np.abs(np.angle(np.exp(1j * np.diff(np.arctan2(arms[:, 1], arms[:, 0])))))
    return float(np.mean(turned > WIDEST)) >= 0.1


def _spot(step: int, parameters: np.ndarray | None, lone: bool) -> list[float] | None:
    if parameters is None or parameters.size == 0:
        return None
    flat = parameters.astype(np.float64).ravel()[:2]
    spot = [float(step), float(flat[0])] if lone else [float(v) for v in flat]
    return [float(f"{v:.6g}") for v in spot] if np.isfinite(spot).all() and len(spot) == 2 else None


MEMBERS, RAW = 16, ".raw"
FRAMES = {"image": 40, "points": 40, "trajectory": 400}
FILMS = {"image": images_film, "points": points_film, "trajectory": trajectory_film}


def animation(run: Run) -> dict[str, Any] | None:
    """The film for the page as plain data, or None where nothing was saved."""
    if not run.frames:
        return None
    first = next((found for frame in run.frames if (found := read_frames(run, [frame]))), [])
    kind = _kind(first[0][1]) if first else None
    if kind is None:
        return None
    chosen = thin(run.frames, FRAMES[kind])
    frames = read_frames(run, chosen)
    prefix = "p" if kind == "trajectory" else "m"
    parts = strands(run)
    strand = {m.member: place for place, part in enumerate(parts) for m in part.members}
    members = _chosen(_present(frames, prefix), strand)
    raw = [m for m in members if f"m{m}{RAW}" in frames[-1][1]][: MEMBERS - len(members)]
    made = FILMS[kind](frames, [*members, *(f"{m}{RAW}" for m in raw)], run.reference)
    made["members"] = [
        {"member": m, "label": _label(run, m) + said, "strand": strand.get(m, 0)}
        for those, said in ((members, ""), (raw, " · raw weights"))
        for m in those
    ]
    made["strands"] = [part.label for part in parts]
    made["left_out"] = {"steps": len(run.frames) - len(made["steps"]), "members": len(run.members) - len(members)}
    return made


def thin(items: list[Any], most: int) -> list[Any]:
    """At most ``most`` of the items, evenly spread, the first and the last among them."""
    if len(items) <= most:
        return items
    return [items[int(i)] for i in np.linspace(0, len(items) - 1, most).round()]


def _kind(saved: dict[str, np.ndarray]) -> str | None:
    if any(_numbered(name, "p") for name in saved):
        return "trajectory"
    shapes = {saved[name].ndim for name in saved if _numbered(name, "m")}
    return {4: "image", 2: "points"}.get(max(shapes, default=0))


def _present(frames: list[tuple[int, dict[str, np.ndarray]]], prefix: str) -> list[int]:
    names = {name for _, saved in frames for name in saved if _numbered(name, prefix)}
    return sorted(int(name[len(prefix) :]) for name in names)


def _chosen(members: list[int], strand: dict[int, int]) -> list[int]:
    """At most `MEMBERS` of them, the first of every strand before the second of any, in their own order."""
    seen: dict[int, int] = {}
    ranks = {}
    for member in members:
        place = strand.get(member, 0)
        ranks[member] = seen[place] = seen.get(place, -1) + 1
    return sorted(sorted(members, key=lambda m: (ranks[m], m))[:MEMBERS])


def _numbered(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and name[len(prefix) :].isdigit()


def _label(run: Run, member: int) -> str:
    known = {m.member: m for m in run.members}.get(member)
    if known is None:
        return f"member {member}"
    parts = [f"member {member}", f"seed {known.seed}" if known.seed is not None else "", settings_label(known.settings)]
    return " · ".join(part for part in [*parts, "diverged" if known.diverged else ""] if part)
