"""One picture of any kind into one array of bytes: grey, palette, transparent, 16-bit, rotated by its camera."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"})


def picture_shape(size: int, channels: int) -> tuple[int, int, int]:
    """``(channels, size, size)``; `ValueError` for another number of channels than 1 or 3, or no pixels."""
    if channels not in (1, 3) or size < 1:
        raise ValueError(f"size={size}, channels={channels}: channels must be 1 (grey) or 3 (RGB), size at least 1")
    return channels, size, size


def read_picture(source: Path | bytes, size: int, channels: int) -> np.ndarray:
    """A file, or its contents, as uint8 ``[channels, size, size]``; ``channels`` is 1 (grey) or 3 (RGB).

    The shorter side is scaled to ``size`` and the centre is cut out. Transparency is laid over white. Raises whatever
    the decoder raises if the file is damaged, and `ValueError` for floating-point pictures, whose range is unknown.
    """
    with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as picture:
        picture.draft(None, (2 * size, 2 * size))  # lets JPEG skip detail that the scaling would discard
        upright = ImageOps.exif_transpose(_eight_bits(picture))
        plain = _opaque(upright).convert("L" if channels == 1 else "RGB")
        square = ImageOps.fit(plain, (size, size), Image.Resampling.BICUBIC)
    pixels = np.asarray(square, dtype=np.uint8)
    return np.ascontiguousarray(pixels.reshape(size, size, channels).transpose(2, 0, 1))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Sixteen-bit grey scaled to eight; Pillow's own conversion would clip it to white."""
    if picture.mode == "F":
        raise ValueError("a floating-point picture; save it as 8 or 16 bits")
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f"a 32-bit picture with values from {values.min()} to {values.max()}; save it as 8 or 16 bits")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _opaque(picture: Image.Image) -> Image.Image:
    if "A" not in picture.mode and "transparency" not in picture.info:
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
