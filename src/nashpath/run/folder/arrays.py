"""Arrays of an ``.npz`` file, one by one: what cannot be read hides nothing else."""

import zipfile
from pathlib import Path

import numpy as np

LARGEST = 1 << 30
"""Bytes that an array may declare: a file of some kilobytes can claim any size."""
NUMBERS = "biuf"


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays of plain numbers in a file, and what is wrong with the rest, in words. Nothing is unpickled."""
    found: dict[str, np.ndarray] = {}
    wrong: list[str] = []
    try:
        with zipfile.ZipFile(path) as stored:
            sizes = {entry.filename.removesuffix(".npy"): entry.file_size for entry in stored.infolist()}
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                try:
                    if sizes[name] > LARGEST:
                        raise ValueError(f"declares {sizes[name]:,} bytes, more than {LARGEST:,}")
                    value = archive[name]
                    if not isinstance(value, np.ndarray) or value.dtype.kind not in NUMBERS:
                        raise ValueError("holds no plain numbers")
                    if not value.size:
                        raise ValueError("is empty")
                    found[name] = value
                except Exception as error:  # damage makes the readers raise nearly anything
                    wrong.append(f"{name!r} cannot be read ({_told(error)})")
    except Exception as error:
        return found, [*wrong, f"is no readable .npz file ({_told(error)})"]
    return found, wrong


def _told(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
