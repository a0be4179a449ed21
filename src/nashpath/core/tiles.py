"""Images side by side, as the bytes of one picture."""

from typing import Any

import numpy as np

LEGIBLE = 48
"""Images smaller than this many pixels are enlarged by a whole factor."""


def tiles(images: Any, columns: int | None = None, scale: int | None = None, gap: int | None = None) -> np.ndarray:
    """``images`` ``[n, channels, height, width]`` in [-1, 1] as bytes ``[tall, wide, 1 or 3]``, row by row.

    Three channels are RGB, four RGBA, over white; of any other number the first is shown in grey. What is not finite is
    black. ``scale`` enlarges each pixel to a square (by default so that small images are legible), ``gap`` is the space
    between images in pixels of the result. Raises `ValueError` for other shapes, and for no image.
    """
    stack = np.asarray(images, dtype=np.float32)
    if stack.ndim != 4 or not len(stack):
        raise ValueError(f"a sheet needs images [n, channels, height, width] with n > 0, got shape {stack.shape}")
    stack = np.nan_to_num(stack, nan=-1.0, posinf=-1.0, neginf=-1.0)
    if stack.shape[1] == 4:
        seen = (np.clip(stack[:, 3:], -1, 1) + 1) / 2
        stack = seen * stack[:, :3] + (1 - seen)
    bytes_ = np.clip(np.rint((stack + 1) * 127.5), 0, 255).astype(np.uint8)
    each = (bytes_ if bytes_.shape[1] == 3 else bytes_[:, :1]).transpose(0, 2, 3, 1)
    n, height, width, channels = each.shape
    scale = scale or max(1, -(-LEGIBLE // max(height, width)))
    gap = max(1, scale // 2) if gap is None else gap
    each = each.repeat(scale, axis=1).repeat(scale, axis=2)
    columns = columns or int(np.ceil(np.sqrt(n)))
    tall, wide = height * scale + gap, width * scale + gap
    canvas = np.full((-(-n // columns) * tall + gap, columns * wide + gap, channels), 128, np.uint8)
    for i, tile in enumerate(each):
        top, left = (i // columns) * tall + gap, (i % columns) * wide + gap
        canvas[top : top + tile.shape[0], left : left + tile.shape[1]] = tile
    return canvas
