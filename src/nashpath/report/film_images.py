"""Images through training: one PNG sheet a step and member."""

import base64
from io import BytesIO
from typing import Any

import numpy as np

from nashpath.report.sheet import sheet

BUDGET = 1_700_000
"""Bytes of all PNG files together; base64 makes a third more of it in the page."""
SIZES = (64, 49, 36, 25, 16, 9, 4)
"""Images a sheet may show, most wanted first."""
Frames = list[tuple[int, dict[str, np.ndarray]]]


def images_film(frames: Frames, members: list[int], reference: dict[str, np.ndarray]) -> dict[str, Any]:
    """Sheets as base64 PNG, ``sheets[frame][position of the member]``, and one sheet of real images.

    Sheets show fewer images, then fewer steps, until all fit into the budget.
    """
    shown, frames = _fitting(frames, members)
    real = reference.get("real")
    return {
        "kind": "images",
        "steps": [step for step, _ in frames],
        "shown": shown,
        "sheets": [[_png(saved.get(f"m{m}"), shown) for m in members] for _, saved in frames],
        "real": _png(real, shown) if real is not None and real.ndim == 4 else None,
    }


def _fitting(frames: Frames, members: list[int]) -> tuple[int, Frames]:
    last = frames[-1][1]
    probe = next(last[f"m{m}"] for m in members if f"m{m}" in last) if members else np.zeros((1, 1, 1, 1))
    each = len(_png(probe, len(probe)) or "") * 0.75 / len(probe)
    while True:
        affordable = BUDGET / (each * len(frames) * max(1, len(members)))
        fitting = [size for size in SIZES if size <= affordable]
        if fitting or len(frames) <= 8:
            shown = fitting[0] if fitting else SIZES[-1]
            return min(shown, len(probe)), frames
        frames = [*frames[:-1:2], frames[-1]]


def _png(images: np.ndarray | None, most: int) -> str | None:
    if images is None or not len(images):
        return None
    file = BytesIO()
    sheet(images[:most], scale=1, gap=1).save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
