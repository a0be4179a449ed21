"""Pictures are decoded once, into one file of bytes that later runs map into memory.

A file is complete or absent (`replacing`). The note beside it (``.json``) names what could not be read, and the hash of
the pictures; it is written last. Pictures without it, or that are not those of it, are decoded anew.
"""

import hashlib
import json
import math
import os
import shutil
import warnings
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, NamedTuple

import numpy as np
from annotated_types import Ge, Le
from PIL import Image, ImageOps, UnidentifiedImageError

from nashpath.core.cache import cache_folder, replacing, swept
from nashpath.data.base import DataWarning, Progress
from nashpath.data.picture_bits import LOOKED_AT, NAMED, check_depth, eight_bits, text_of_name

BLOCK = 256
BLOCK_BYTES = 1 << 28
"""Pictures that are decoded at once, and their bytes."""
Shape = tuple[int, int, int]
"""Channels, height and width."""


class Decoded(NamedTuple):
    """``images``, uint8 ``[n, channels, height, width]``, mapped from disk; ``kept``, the places of their items."""

    images: np.ndarray
    kept: np.ndarray


class UnreadablePicture(NamedTuple):
    reason: str
    lasting: bool
    """Whether the file itself is damaged; a refusal by the system may be gone at the next run."""


Item = tuple[str, Path | bytes | UnreadablePicture]
"""What to call a picture, and where it is, what it is, or why there is none."""

_Named = tuple[str, "np.ndarray | UnreadablePicture"]


class _Lost(NamedTuple):
    place: int
    name: str
    reason: str
    lasting: bool


DECODING = 4
"""One more whenever pictures are decoded in another way: those that are kept are then made anew."""


def fingerprint(root: Path, files: Sequence[Path], *settings: object) -> str:
    """A hash of the files' names, sizes and times of change, of the settings, and of how pictures are decoded.

    The time of change of a file's entry tells files that were replaced by others with an old time (from an archive).
    """
    digest = hashlib.sha256(repr((DECODING, str(root.resolve()), *settings)).encode())
    for file, name in zip(files, names_inside(root, files)):
        facts = os.stat(file)
        state = f"{facts.st_size}\t{facts.st_mtime_ns}\t{facts.st_ctime_ns}"
        digest.update(os.fsencode(f"\n{name}\t{state}"))
    return digest.hexdigest()[:32]


def names_inside(root: Path, files: Iterable[Path]) -> list[str]:
    """The names of files below a folder, with ``/`` between their parts; of a million in a second."""
    begin = len(os.path.join(root, ""))
    return [str(file)[begin:].replace(os.sep, "/") for file in files]


def decoded(
    key: str,
    where: str,
    items: Iterable[Item],
    total: int,
    shape: Shape,
    progress: Progress | None,
    bits: int = 16,
    fit: "Fit" = "crop",
) -> Decoded:
    """The pictures of ``items`` (names and files), from the cache if they were decoded before.

    What cannot be read is left out with one warning that lists it; `ValueError` if nothing can, `OSError` if the cache
    cannot be written.
    """
    folder = swept(cache_folder())
    array, note = folder / f"{key}.npy", folder / f"{key}.json"
    found = _kept(array, note, total, shape)
    if found is None:
        _check_room(folder, where, total, shape)
        try:
            with replacing(array) as file:
                lost, pixels = _decode(file, _pixels(items, shape, bits, fit), total, shape, progress)
            if all(entry.lasting for entry in lost):
                with replacing(note) as file:
                    file.write(json.dumps({"lost": lost, "pixels": pixels}).encode())
            else:
                note.unlink(missing_ok=True)  # that of an earlier reading
        except OSError as error:
            needed = total * int(np.prod(shape)) / 1e6
            raise OSError(
                f"cannot make the image cache in {folder} ({error}); it needs {needed:.0f} MB there, or set "
                "NASHPATH_CACHE to another folder"
            ) from error
    else:
        lost = found
    listed = listing([(entry.name, entry.reason) for entry in lost])
    if len(lost) == total:
        raise ValueError(f"none of the {total} images in {where} could be read:{listed}")
    if lost:
        start = f"{len(lost)} of {total} images in {where} could not be read and are left out:"
        warnings.warn(start + listed, DataWarning, stacklevel=2)
    kept = np.delete(np.arange(total), [entry.place for entry in lost])
    return Decoded(np.load(array, mmap_mode="r", allow_pickle=False), kept)


def _kept(array: Path, note: Path, total: int, shape: Shape) -> "list[_Lost] | None":
    """What could not be read of pictures that were decoded before; None where there are none, or not those of the note.

    They are read for that, half a second a gigabyte. Of pictures that are damaged it is said.
    """
    if not (array.exists() and note.exists()):
        return None
    try:
        told = json.loads(note.read_text())
        if isinstance(told, list):  # of an earlier version, which kept no hash
            return None
        lost = [_Lost(*entry) for entry in told["lost"]]
        if len(lost) == total:
            return lost
        images = np.load(array, mmap_mode="r", allow_pickle=False)
        formed = (images.shape, images.dtype) == ((total - len(lost), *shape), np.uint8)
        if formed and hashlib.sha256(images).hexdigest() == told["pixels"]:
            return lost
    except (OSError, ValueError, EOFError, TypeError, LookupError):
        pass
    said = f"{array} is damaged, or not of one reading with {note.name}: the pictures are decoded anew"
    warnings.warn(said, DataWarning, stacklevel=3)
    return None


def _check_room(folder: Path, where: str, total: int, shape: Shape) -> None:
    """Raises `OSError` where the disk has no room for the pictures, before the first is read."""
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    needed, free = total * math.prod(shape), shutil.disk_usage(there).free
    if needed > free:
        raise OSError(
            f"the {total} images in {where} take {needed / 1e9:.0f} GB at size {shape[1]}, and {folder} has "
            f"{free / 1e9:.0f} GB left: make data.size smaller, or set NASHPATH_CACHE to a folder with more room"
        )


def _decode(
    file: BinaryIO, pictures: "Iterable[_Named]", total: int, shape: Shape, progress: Progress | None
) -> tuple[list[_Lost], str]:
    """Appends a row for each readable picture; returns the others, and a hash of the rows."""
    lost, written = [], hashlib.sha256()
    _header(file, total, shape)
    start = file.tell()
    for index, (name, pixels) in enumerate(pictures):
        if isinstance(pixels, UnreadablePicture):
            lost.append(_Lost(index, name, *pixels))
        else:
            file.write(pixels.data)
            written.update(pixels.data)
        if progress is not None and (index % BLOCK == BLOCK - 1 or index == total - 1):
            progress(index + 1, total)
    file.seek(0)
    _header(file, total - len(lost), shape)  # NumPy pads headers so that the row count may change in place
    if file.tell() != start:
        raise RuntimeError("NumPy changed the length of its header; delete the cache and report this")
    return lost, written.hexdigest()


def _header(file: BinaryIO, count: int, shape: Shape) -> None:
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)})


def _pixels(items: Iterable[Item], shape: Shape, bits: int, fit: "Fit") -> "Iterator[_Named]":
    """Decodes in threads (Pillow lets go of the interpreter lock), a block at a time so that memory stays bounded."""
    read = partial(try_picture, shape=shape, bits=bits, fit=fit)
    rest, together = iter(items), max(1, min(BLOCK, BLOCK_BYTES // math.prod(shape)))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1, together)) as pool:
        while block := list(islice(rest, together)):
            yield from zip((name for name, _ in block), pool.map(read, [source for _, source in block]))


def try_picture(
    source: Path | bytes | UnreadablePicture, shape: Shape, bits: int, fit: "Fit"
) -> np.ndarray | UnreadablePicture:
    """`read_picture`, or why it cannot be read."""
    if isinstance(source, UnreadablePicture):
        return source
    try:
        return read_picture(source, shape, bits, fit)
    except UnidentifiedImageError as error:
        if isinstance(source, Path):
            return UnreadablePicture(f"UnidentifiedImageError: {error}", True)
        told = f"{len(source)} bytes that are no picture" if source else "holds no picture: no bytes"
        return UnreadablePicture(told, True)
    except Image.DecompressionBombError:
        return UnreadablePicture(f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels; save it scaled down", True)
    except Exception as error:  # a damaged file makes decoders raise nearly anything
        lasting = getattr(error, "errno", None) is None
        return UnreadablePicture(" ".join(f"{type(error).__name__}: {error}".split()), lasting)


def listing(lost: Sequence[tuple[str, str]]) -> str:
    """Names of what could not be read, each with the reason, a line each; of many the first."""
    more = f"\n  and {len(lost) - NAMED} more" if len(lost) > NAMED else ""
    return "".join(f"\n  {text_of_name(name)} ({text_of_name(reason)})" for name, reason in lost[:NAMED]) + more


ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}) | {
    *(".pnm", ".jfif", ".jpe", ".jp2", ".j2k", ".avif", ".tga", ".ico", ".dib"),
}
"""What Pillow reads as one picture; a file that it cannot read here is named."""
Bits = Annotated[int, Ge(8), Le(16)]
Fit = Literal["crop", "pad", "stretch"]
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""By the number of channels, what Pillow calls such a picture."""


def picture_shape(size: int, channels: int, width: int = 0) -> Shape:
    """``(channels, size, width or size)``; `ValueError` for other channels than 1, 3 or 4, or no pixels."""
    if channels not in MODES or size < 1 or width < 0:
        raise ValueError(
            f"size={size}, width={width}, channels={channels}: channels must be 1 (grey), 3 (RGB) or 4 (RGBA), size at "
            "least 1, and width at least 0"
        )
    return channels, size, width or size


def read_picture(source: Path | bytes, shape: Shape, bits: int = 16, fit: Fit = "crop") -> np.ndarray:
    """A file, or its contents, as uint8 of ``shape`` ``[channels, height, width]``: 1 is grey, 3 RGB and 4 RGBA.

    It is scaled until it covers the shape, and its centre cut out (``crop``), or until it fits inside, with white (or
    nothing, where there is transparency) about it (``pad``), or each side by itself (``stretch``). Without a channel of
    its own, transparency is laid over white. Raises whatever the decoder raises if the file is damaged, and
    `ValueError` for floating-point pictures, whose range is unknown.
    """
    channels, height, width = shape
    with Image.open(BytesIO(source) if isinstance(source, bytes) else source) as picture:
        check_depth(picture, bits)
        picture.draft(None, (2 * width, 2 * height))  # lets JPEG skip detail that the scaling would discard
        upright = eight_bits(ImageOps.exif_transpose(picture), bits)
        plain = (upright if channels == 4 else _opaque(upright)).convert(MODES[channels])
        fitted = FITS[fit](plain, (width, height))
    pixels = np.asarray(fitted, dtype=np.uint8)
    return np.ascontiguousarray(pixels.reshape(height, width, channels).transpose(2, 0, 1))


def _padded(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    about = (255, 255, 255, 0) if picture.mode == "RGBA" else "white"
    share = min(own / side for own, side in zip(size, picture.size))
    inside = tuple(round(side * share) for side in picture.size)
    if 0 in inside:  # a line so thin that it would be rounded away
        picture = picture.resize((max(1, inside[0]), max(1, inside[1])), Image.Resampling.BICUBIC)
    return ImageOps.pad(picture, size, Image.Resampling.BICUBIC, color=about)


FITS = {
    "crop": partial(ImageOps.fit, method=Image.Resampling.BICUBIC),
    "pad": _padded,
    "stretch": partial(Image.Image.resize, resample=Image.Resampling.BICUBIC),
}


def usual_look(files: Sequence[Path]) -> tuple[int, int]:
    """``(side, channels)`` of some of the pictures, spread evenly: the median shorter side; 1 where all are grey."""
    sides, grey = list[int](), True
    for file in files[:: max(1, len(files) // LOOKED_AT)]:
        try:
            with Image.open(file) as picture:
                sides.append(min(picture.size))
                grey = grey and _is_grey(picture)
        except Exception:  # a damaged file is named when all are read
            continue
    return (max(4, int(np.median(sides))), 1 if grey else 3) if sides else (32, 3)


def _is_grey(picture: Image.Image) -> bool:
    """Whether a picture has no colours, also where it is kept in three channels (then within rounding)."""
    if picture.mode in ("1", "L", "LA", "F") or picture.mode.startswith("I"):
        return True
    picture.thumbnail((128, 128))
    return int(np.ptp(np.asarray(picture.convert("RGB"), dtype=np.int16), axis=2).max()) <= 2


def _opaque(picture: Image.Image) -> Image.Image:
    if "A" not in picture.mode and "transparency" not in picture.info:
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
