"""What a picture's file holds beyond eight bits and a first page, and what becomes of it."""

import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nashpath.data.base import DataWarning

LOOKED_AT = 32
"""Files of 16 bits whose range is looked at, spread evenly over all."""
LOOKED_FOR_PAGES = 2000
"""Files that are asked for a second page, spread evenly over all."""
NAMED = 20


def is_deep_colour(picture: Image.Image) -> bool:
    """Whether a picture, not yet read, has colours of 16 bits, of which Pillow reads the upper eight."""
    tiles: Any = getattr(picture, "tile", [])  # only pictures of files have them
    told = [str(tile[3]) for tile in tiles]
    return picture.format in ("PNG", "TIFF") and not picture.mode.startswith("I") and any(";16" in one for one in told)


def check_depth(picture: Image.Image, bits: int) -> None:
    """Raises `ValueError` for a colour picture of 16 bits of which fewer are used: the lower eight are not read."""
    if bits < 16 and is_deep_colour(picture):
        raise ValueError(
            f"colours of 16 bits, of which Pillow reads the upper eight, so bits={bits} cannot be had of them; save "
            "them as 8 bits (value * 255 / largest), or leave bits out"
        )


def eight_bits(picture: Image.Image, bits: int) -> Image.Image:
    """Sixteen-bit grey, of which ``bits`` are used, scaled to eight; Pillow's own conversion would clip it to white.

    Where one value stands for transparency, a second channel says where it was.
    """
    if picture.mode == "F":
        raise ValueError("a floating-point picture; save it as 8 or 16 bits")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"a 32-bit picture with values from {values.min()} to {values.max()}; save it as 8 or 16 bits")
    most = 2**bits - 1
    eight = (values.astype(np.uint32) * 255 + most // 2) // most
    grey = Image.fromarray(eight.clip(max=255).astype(np.uint8))
    if "transparency" in picture.info:
        grey.putalpha(Image.fromarray(np.where(values == picture.info["transparency"], 0, 255).astype(np.uint8)))
    return grey


def warn_of_unused_bits(where: str, files: Sequence[Path], bits: int) -> None:
    """Warns where pictures of 16 bits hold values of far fewer: scaled by the full range they turn nearly black."""
    largest, colours = 0, 0
    for file in files[:: max(1, len(files) // LOOKED_AT)]:
        try:
            with Image.open(file) as picture:
                if picture.mode.startswith("I"):
                    largest = max(largest, int(np.asarray(picture).max()))
                elif is_deep_colour(picture):
                    colours = max(colours, 256 * int(np.asarray(picture.convert("RGB")).max()) + 255)
        except Exception:  # a damaged file is named when all are read
            continue
    used, seen = max(8, largest.bit_length()), colours.bit_length()
    if largest > 0 and used <= bits - 2:
        warnings.warn(
            f"pictures of 16 bits in {where} hold values up to {largest}, which are {used} bits, and are scaled as if "
            f"they had {bits}, so they turn dark; use bits={used} (-s data.bits={used})",
            DataWarning,
            stacklevel=2,
        )
    if colours and seen <= bits - 2:
        warnings.warn(
            f"colour pictures of 16 bits in {where} hold values up to {colours} at most, which are {seen} bits, and "
            "Pillow reads the upper eight alone, so they turn dark and coarse; save them as 8 bits",
            DataWarning,
            stacklevel=2,
        )


def warn_of_pages(where: str, pictures: Sequence[object], names: Sequence[str], total: int = 0) -> None:
    """Warns of files, or their bytes, with more pictures than their first (pages, frames), which are left out.

    ``total`` says of how many these are a part, where they are one.
    """
    step = max(1, -(-len(pictures) // LOOKED_FOR_PAGES))
    looked_at = pictures[::step]
    found = [name for picture, name in zip(looked_at, names[::step]) if _has_pages(picture)]
    if found:
        every = len(looked_at) >= max(total, len(pictures))
        looked = f"images in {where}" if every else f"of {len(looked_at):,} images looked at in {where}"
        more = f"\n  and {len(found) - NAMED} more" if len(found) > NAMED else ""
        warnings.warn(
            f"{len(found)} {looked} hold several pictures (pages, frames), of which the first is used; save each by "
            "itself where all are meant:" + "".join(f"\n  {text_of_name(name)}" for name in found[:NAMED]) + more,
            DataWarning,
            stacklevel=2,
        )


def _has_pages(source: Any) -> bool:
    try:
        with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as picture:
            if picture.format in ("JPEG", "MPO", "ICO"):  # a photograph's depth or brightness, or one picture's sizes
                return False
            picture.seek(1)
            return True
    except Exception:  # there is no second one, or the file is damaged and named when it is read
        return False


def text_of_name(name: str) -> str:
    """The name of a file as it can be printed, also where it is not UTF-8."""
    return name.encode("utf-8", "backslashreplace").decode()
