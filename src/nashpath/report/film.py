"""The film of a run: its saved samples, step by step, packed small enough to live inside the page.

Which film a run has follows from what it saved: images, points, or the parameters of a toy game.
"""

from typing import Any

import numpy as np

from nashpath.report.curves import strands
from nashpath.report.film_images import images_film
from nashpath.report.film_points import points_film
from nashpath.report.film_trajectory import trajectory_film
from nashpath.report.phrasing import settings_label
from nashpath.report.read import Run, arrays

MEMBERS = 16
FRAMES = {"image": 40, "points": 40, "trajectory": 400}
FILMS = {"image": images_film, "points": points_film, "trajectory": trajectory_film}


def film(run: Run) -> dict[str, Any] | None:
    """The film for the page as plain data, or None where nothing was saved."""
    if not run.frames:
        return None
    kind = _kind(arrays(run.frames[0][1]))
    if kind is None:
        return None
    chosen = thin(run.frames, FRAMES[kind])
    frames = [(step, arrays(path)) for step, path in chosen]
    prefix = "p" if kind == "trajectory" else "m"
    parts = strands(run)
    strand = {m.member: place for place, part in enumerate(parts) for m in part.members}
    members = _chosen(_present(frames, prefix), strand)
    made = FILMS[kind](frames, members, run.reference)
    made["members"] = [{"member": m, "label": _label(run, m), "strand": strand.get(m, 0)} for m in members]
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
