"""More pictures than memory holds: kept small and encoded, and decoded when they are drawn.

A picture is cut to its size and encoded as its file was: JPEG as JPEG of quality 95 with all its colours, all others
without loss. What is drawn is what was encoded, whether it was kept already or is read from its own file, so training
begins at once, and numbers do not depend on how far the keeping has come. It goes on beside the training, a shard of
some thousand pictures at a time, each a file that is complete or absent.
"""

import os
import threading
import warnings
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from nashpath.core.cache import cache_folder, replacing, sweep
from nashpath.data.base import DataWarning
from nashpath.data.image_cache import Fit, UnreadablePicture, listing, names_inside, try_picture
from nashpath.data.picture_bits import text_of_name

SHARD = 4096
"""Pictures of a file."""
QUALITY = 95
LOSSY = frozenset({".jpg", ".jpeg", ".jpe", ".jfif"})


class _Shard(NamedTuple):
    """``places`` int64 ``[m, 3]``: where each picture begins in ``content``, its length (negative: of the words that
    say why it cannot be read) and its checksum."""

    places: np.ndarray
    content: np.ndarray


class PictureStore:
    """The pictures of ``files``, ``[n, channels, height, width]`` of bytes, indexed by arrays of whole numbers.

    In the place of one that cannot be read stands the next one that can, of which a `DataWarning` tells once. Raises
    `OSError` for a file that is gone or may not be read, and `ValueError` where none can be.
    """

    dtype = np.dtype(np.uint8)

    def __init__(
        self,
        key: str,
        root: Path,
        files: Sequence[Path],
        picture: tuple[int, int, int],
        bits: int = 16,
        fit: Fit = "crop",
    ):
        self.shape = (len(files), *picture)
        self._root, self._files, self._picture, self._bits = root, files, picture, bits
        self._fit: Fit = fit
        self._folder = cache_folder() / "pictures" / key
        self._shards: dict[int, _Shard] = {}
        self._unreadable: dict[int, str] = {}
        self._keeping: threading.Thread | None = None
        self._no_room = ""

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        found = np.empty((len(index), *self.shape[1:]), np.uint8)

        def put(place: int) -> None:
            found[place] = self._readable(int(index[place]))

        known = len(self._unreadable)
        list(_threads().map(put, range(len(index))))
        if len(self._unreadable) > known:
            self._tell()
        if self._no_room:
            told, self._no_room = self._no_room, ""
            warnings.warn(told, DataWarning, stacklevel=2)
        return found

    def standing(self, index: np.ndarray) -> np.ndarray:
        """The numbers of the pictures that stand at places that were read: others than asked for where those cannot
        be read."""
        return np.array([self._next(int(place)) for place in index], dtype=np.int64)

    def standing_by_class(self, labels: np.ndarray) -> np.ndarray:
        """The numbers of the pictures that stand at all places, of classes ``labels [n]`` of which none can be read.

        Of each other class one picture is read, the first that can be.
        """
        known, order = len(self._unreadable), np.argsort(labels, kind="stable")
        places = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
        readable = list(_threads().map(self._any_readable, places))
        every = np.arange(len(self))
        found = every if all(readable) else self.standing(every)
        if len(self._unreadable) > known:
            self._tell()
        return found

    def _any_readable(self, places: np.ndarray) -> bool:
        for place in places.tolist():
            found = self._stored(place)
            if not isinstance(found, str):
                return True
            self._unreadable[place] = found
        return False

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_shards": {}, "_keeping": None}  # another process maps them for itself

    def keep(self) -> None:
        """Keeps all shards, one after the other, in a thread beside what goes on; at once where it goes on already."""
        if self._keeping is None:
            self._keeping = threading.Thread(target=self._keep_all, daemon=True, name="nashpath pictures")
            self._keeping.start()

    def keep_shard(self, shard: int) -> None:
        """Encodes the pictures of one shard, and writes its file; nothing where that is there."""
        path = self._path(shard)
        if path.exists():
            return
        first = shard * SHARD
        encoded = [self._encoded(i) for i in range(first, min(first + SHARD, len(self)))]
        parts = [text_of_name(part).encode() if isinstance(part, str) else part for part in encoded]
        lengths = np.array([len(part) for part in parts])
        signs = np.array([-1 if isinstance(part, str) else 1 for part in encoded])
        begins, sums = np.cumsum(lengths) - lengths, [zlib.crc32(part) for part in parts]
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            np.save(file, np.stack([begins, signs * lengths, sums], axis=1), allow_pickle=False)
            file.writelines(parts)

    def _keep_all(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            sweep(self._folder)
            for shard in range(-(-len(self) // SHARD)):
                self.keep_shard(shard)
        except OSError as error:
            self._no_room = (
                f"pictures of {self._root} are no longer kept in {self._folder} ({error}), but read from their own "
                "files at every draw, which is slower; NASHPATH_CACHE names another folder"
            )

    def _path(self, shard: int) -> Path:
        return self._folder / f"{shard:06d}.pictures"

    def _readable(self, place: int) -> np.ndarray:
        while True:
            at = self._next(place)
            found = self._stored(at)
            if not isinstance(found, str):
                return _decoded(found)
            self._unreadable[at] = found

    def _next(self, place: int) -> int:
        """The first picture from a place on, round the end, that is not known to be unreadable."""
        for step in range(len(self)):
            if (place + step) % len(self) not in self._unreadable:
                return (place + step) % len(self)
        raise ValueError(f"none of the {len(self)} images in {self._root} could be read:{self._listing()}")

    def _stored(self, place: int) -> bytes | str:
        """One picture, encoded; or why it cannot be read."""
        shard = self._shard(place // SHARD)
        if shard is not None:
            begin, length, checksum = (int(number) for number in shard.places[place % SHARD])
            part = shard.content[begin : begin + abs(length)].tobytes()
            if zlib.crc32(part) == checksum:
                return part if length >= 0 else part.decode()
        return self._encoded(place)  # not kept yet, or damaged

    def _shard(self, number: int) -> _Shard | None:
        if number not in self._shards:
            try:
                content = np.memmap(self._path(number), np.uint8, "r")
            except (OSError, ValueError):  # not there, or empty
                return None
            count = min(SHARD, len(self) - number * SHARD)
            header = _header(count)
            begin = len(header) + 3 * 8 * count
            if len(content) < begin or content[: len(header)].tobytes() != header:
                return None
            places = content[len(header) : begin].view(np.int64).reshape(count, 3)
            self._shards[number] = _Shard(places, content[begin:])
        return self._shards[number]

    def _encoded(self, place: int) -> bytes | str:
        file = self._files[place]
        pixels = try_picture(file, self._picture, self._bits, self._fit)
        if isinstance(pixels, UnreadablePicture):
            if not pixels.lasting:
                where = text_of_name(f"{file}: {pixels.reason}")
                raise OSError(f"{where}; it was there when training began, and is drawn from now")
            return pixels.reason
        held = BytesIO()
        image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        if file.suffix.lower() in LOSSY and len(pixels) < 4:
            image.save(held, "JPEG", quality=QUALITY, subsampling=0)
        else:
            image.save(held, "PNG", compress_level=1)
        return held.getvalue()

    def _tell(self) -> None:
        count = f"{len(self._unreadable)} of {len(self)} images in {self._root}"
        told = f"{count} could not be read so far, and others stand in their place:{self._listing()}"
        warnings.warn(told, DataWarning, stacklevel=3)

    def _listing(self) -> str:
        places, reasons = zip(*sorted(self._unreadable.items()))
        return listing(list(zip(names_inside(self._root, [self._files[i] for i in places]), reasons)))


def _header(count: int) -> bytes:
    """What a file of the places of ``count`` pictures begins with, as `numpy.save` writes it.

    `numpy.load` would have it parsed by Python, which fails at times where several threads do so (3.11: "AST
    constructor recursion depth mismatch").
    """
    held = BytesIO()
    descr = np.lib.format.dtype_to_descr(np.dtype(np.int64))
    np.lib.format.write_array_header_1_0(held, {"descr": descr, "fortran_order": False, "shape": (count, 3)})
    return held.getvalue()


def _decoded(encoded: bytes) -> np.ndarray:
    with Image.open(BytesIO(encoded)) as image:
        pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@cache
def _threads() -> ThreadPoolExecutor:
    """The threads that decode, of this process."""
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1), "nashpath decode")
