"""Samples made elsewhere as data: folders of images, arrays, tables, and what ``nashpath sample`` writes."""

from pathlib import Path

from PIL import Image, UnidentifiedImageError

from nashpath.data import CSV, Folder
from nashpath.data.array import MeasuredArray
from nashpath.data.base import FiniteSource
from nashpath.data.cells import TABLES
from nashpath.data.csv_file import MeasuredCSV
from nashpath.run.errors import SettingError

GREY = frozenset({"1", "L", "LA", "I", "I;16"})


def load_pair(real: Path, fake: Path, size: int | None = None) -> tuple[FiniteSource, FiniteSource]:
    """Real and generated samples of one shape.

    Images keep their size; with ``size`` those in folders are scaled and cropped to so many pixels. They are grey where
    both are. Rows of tables, and vectors of finer numbers than float32, are float64.

    Raises `SettingError` for images of several sizes, or of two shapes, and what reading them raises.
    """
    tables = [CSV.settings_for(path) for path in (real, fake) if path.suffix.lower() in TABLES and path.is_file()]
    if len(tables) == 2:
        table, other = (MeasuredCSV(**found) for found in tables if found)
        return table, other.in_units(table.columns, [])
    arrays = {path: MeasuredArray(str(path)) for path in (real, fake) if path.suffix.lower() in (".npy", ".npz")}
    folders = {path: _heads(path) for path in (real, fake) if path not in arrays}
    colours = [*(a.shape[0] for a in arrays.values() if len(a.shape) == 3), *(colour for colour, _ in folders.values())]
    held: dict[Path, FiniteSource] = dict(arrays)
    for path, (_, sizes) in folders.items():
        held[path] = Folder(str(path), size=size or _side(path, sizes), channels=3 if 3 in colours else 1)
    if held[real].shape != held[fake].shape:
        shapes = [f"{path} holds samples of {'x'.join(map(str, held[path].shape))}" for path in (real, fake)]
        raise SettingError(f"{shapes[0]}, {shapes[1]}; they must be alike: give --size N for folders of images")
    return held[real], held[fake]


def _heads(folder: Path) -> tuple[int, set[tuple[int, int]]]:
    """``(channels, sizes)`` of the images of a folder, read from their first bytes alone."""
    modes, sizes = set(), set()
    for file in Folder(str(folder)).files:
        try:
            with Image.open(file) as image:
                modes.add(image.mode)
                sizes.add(image.size)
        except (OSError, UnidentifiedImageError):
            continue  # left out, with a warning that names it, when the images are decoded
    return 1 if modes <= GREY else 3, sizes


def _side(folder: Path, sizes: set[tuple[int, int]]) -> int:
    """The side of images that are all square and of one size."""
    square = [width for width, height in sizes if width == height]
    if len(sizes) == 1 and square:
        return square[0]
    shown = ", ".join(f"{width}x{height}" for width, height in sorted(sizes)[:3]) or "no size"
    raise SettingError(
        f"{folder}: images of {shown}{' and others' if len(sizes) > 3 else ''}; give --size N, which scales the "
        "shorter side to N pixels and cuts out the centre"
    )
