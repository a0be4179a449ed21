"""Data from arrays saved with NumPy."""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nashpath.data.base import GIBIBYTE, Bytes, stamp
from nashpath.data.samples import Columns, Layout, Samples

ZIP = b"PK"
OBJECTS = re.compile("pickle|Python objects|Object arrays")
"""NumPy's messages for a file that does not hold plain numbers."""
CUT_OFF = re.compile("EOF: |mmap length is greater")
"""Those for a file that ends too early."""


class Array(Samples):
    """Samples in an .npy or .npz file: vectors, or images.

    ``[n, d]`` are vectors, taken as they are, or with ``scale`` ``standard`` each column with mean 0 and standard
    deviation 1 over all rows (a constant one is 0), with ``uniform`` or ``normal`` each by its ranks, as scores that
    are uniform in [-1, 1] or normal, however skewed it is (`nashpath.core.columns.Quantile`); samples of a trained run
    are given back in the file's units. Images are ``[n, h, w]``, ``[n, h, w, c]`` or ``[n, c, h, w]`` (``layout``
    decides where one cannot tell): uint8 as ``v / 127.5 - 1``, floats in [0, 1] as ``2v - 1``, floats in [-1, 1] as
    they are.

    In an .npz, ``key`` names the samples (not needed if there is one array) and ``label_key`` the labels. An .npy of
    more than ``device_bytes`` streams from a memory map. Raises `ValueError`, naming the file, for NaN, for any other
    range, shape or kind, and for pickled objects.

    Reference: NumPy's documentation of `numpy.lib.format`.
    """

    def __init__(
        self,
        path: str = "",
        key: str = "",
        label_key: str = "",
        layout: Layout = "auto",
        device_bytes: Bytes = GIBIBYTE,
        scale: Columns = "none",
    ):
        self._stamp = stamp([Path(path).expanduser()])
        values, labels = _read(path, key, label_key)
        super().__init__(values, labels, layout, device_bytes, where=str(path), scale=scale)

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any] | None:
        """For an .npy or .npz file (`ReadsPath`): vectors are standardised; of many arrays that of samples is taken.

        That is the only one with more than one axis. What cannot be read is left to the constructor.
        """
        if path.suffix.lower() not in (".npy", ".npz"):
            return None
        try:
            axes = _axes(path)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error):
            return {"path": str(path)}
        several = [name for name, count in axes.items() if count > 1]
        found: dict[str, Any] = {"path": str(path)}
        if len(several) == 1 and len(axes) > 1:
            found["key"] = several[0]
        return {**found, "scale": "standard"} if [axes[name] for name in several] == [2] else found


class MeasuredArray(Array):
    """The same to be measured: finer vectors than float32 are float64, and nothing is said of networks' scale."""

    precise = True


def _axes(path: Path) -> dict[str, int]:
    """The number of axes of each array in a file, by its name; without the samples being read."""
    if path.suffix.lower() == ".npy":
        return {"": np.load(path, mmap_mode="r", allow_pickle=False).ndim}
    with zipfile.ZipFile(path) as archive:
        return {name.removesuffix(".npy"): _axes_of(archive, name) for name in archive.namelist()}


def _axes_of(archive: zipfile.ZipFile, name: str) -> int:
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        return len(read(member)[0])


def _read(path: str, key: str, label_key: str) -> tuple[np.ndarray, np.ndarray | None]:
    if not path:
        raise ValueError("path is missing: give an .npy or .npz file")
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f"path: there is no file {file} (seen from {Path.cwd()})")
    try:
        with open(file, "rb") as handle:
            if handle.read(2) == ZIP:
                handle.seek(0)
                return _from_archive(handle, key, label_key)
        return _from_plain(file, key or label_key)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ValueError(f"{file}: cannot be read as an .npy or .npz file ({error})") from error
    except ValueError as error:
        if CUT_OFF.match(str(error)):
            raise ValueError(f"{file}: is cut off: it ends before its array does; copy it again") from error
        hint = "no .npy or .npz file of plain numbers (Python objects are never loaded); save it with numpy.save"
        raise ValueError(f"{file}: {hint if OBJECTS.search(str(error)) else error}") from error


def _from_plain(file: Path, key: str) -> tuple[np.ndarray, None]:
    if key:
        raise ValueError(f"an .npy file holds one array and no names; key {key!r} needs an .npz file")
    return np.load(file, mmap_mode="r", allow_pickle=False), None


def _from_archive(handle: BinaryIO, key: str, label_key: str) -> tuple[np.ndarray, np.ndarray | None]:
    with np.load(handle, allow_pickle=False) as archive:
        names = [name for name in archive.files if name != label_key]
        if not key and len(names) != 1:
            raise ValueError(f"holds the arrays {', '.join(archive.files)}; say which are the samples with key=...")
        return _member(archive, key or names[0]), _member(archive, label_key) if label_key else None


def _member(archive: np.lib.npyio.NpzFile, key: str) -> np.ndarray:
    if key not in archive.files:
        raise ValueError(f"holds no array {key!r}; it holds {', '.join(archive.files)}")
    return archive[key]
