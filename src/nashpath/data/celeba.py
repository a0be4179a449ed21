"""CelebA, as its authors give it out."""

import warnings
from pathlib import Path
from typing import Literal

from nashpath.data.base import GIBIBYTE, Bytes, DataWarning, SideLength, stamp
from nashpath.data.folder import Folder
from nashpath.data.hub import local_folder
from nashpath.data.published import VARIABLE, copy_below

PICTURES, PARTITION = "img_align_celeba", "list_eval_partition.txt"
SPLITS = ("train", "valid", "test")
"""In the order of the partition's numbers."""


class CelebA(Folder):
    """CelebA, aligned and cropped: 162,770 faces to train on and 19,962 to test, 178x218 in colour.

    Another 19,867 are to validate (``split=valid``). ``folder`` is that of the authors' download, which holds
    ``img_align_celeba`` and ``list_eval_partition.txt`` (or has them in ``Img`` and ``Eval``); without it, ``celeba``
    below the folder that ``NASHPATH_DATA`` names. It is not downloaded: its authors give it out themselves, for
    research alone. Pictures are scaled and cut as `Folder` does (the middle 178x178, scaled to ``size``), and have no
    labels here. Samples have shape ``(3, size, size)``.

    Raises `FileNotFoundError` where a part is missing; a warning counts pictures that the partition names and that are
    not there.

    Reference: Liu, Luo, Wang & Tang 2015, "Deep Learning Face Attributes in the Wild".
    """

    def __init__(
        self,
        split: Literal["train", "valid", "test"] = "train",
        folder: str = "",
        size: SideLength = 64,
        device_bytes: Bytes = GIBIBYTE,
    ):
        self.split, self._again = split, {"folder": folder, "size": size, "device_bytes": device_bytes}
        root = local_folder(self.copy_of(folder))
        super().__init__(str(_inside(root, PICTURES)), size, 3, device_bytes=device_bytes)
        partition = _inside(root, PARTITION)
        self._stamp = {**(self._stamp or {}), **stamp([partition])}
        wanted = _named(partition, split)
        self._files = [file for file in self._files if file.name in wanted]
        if len(self._files) < len(wanted):
            warnings.warn(
                f"{root}: {len(wanted) - len(self._files):,} of {len(wanted):,} pictures of {split} are not there",
                DataWarning,
                stacklevel=2,
            )
        if not self._files:
            raise FileNotFoundError(f"{root}: none of the pictures that {PARTITION} names for {split} is there")

    @property
    def held_out(self) -> "CelebA | None":
        """The test pictures, where these are those to train on."""
        return CelebA("test", **self._again) if self.split == "train" else None

    @classmethod
    def settings_for(cls, path: Path) -> None:
        """None: a folder is taken for pictures of one's own; this data set is asked for by its name."""

    @classmethod
    def copy_of(cls, folder: str) -> str:
        """The folder of the copy: the one given, or ``celeba`` below `VARIABLE`. Raises `FileNotFoundError`."""
        if folder:
            return folder
        found = copy_below("celeba")
        if found is None:
            raise FileNotFoundError(
                f"celeba: give data.folder, the folder with {PICTURES} and {PARTITION} from its authors' page, or put "
                f"it as celeba below the folder that {VARIABLE} names; it is not downloaded"
            )
        return str(found)


def _inside(root: Path, name: str) -> Path:
    """The file or folder of that name in a folder, or one folder deeper. Raises `FileNotFoundError`."""
    found = next((path for path in (root / name, *sorted(root.glob(f"*/{name}"))) if path.exists()), None)
    if found is None:
        raise FileNotFoundError(f"{root}: holds no {name}; CelebA's authors give it out beside the pictures")
    return found


def _named(partition: Path, split: str) -> set[str]:
    """The names of the pictures of a split. Raises `ValueError` for a line that is no name with 0, 1 or 2."""
    names = set[str]()
    for number, line in enumerate(partition.read_text(encoding="utf-8").splitlines(), 1):
        name, _, part = line.strip().partition(" ")
        if part.strip() not in ("0", "1", "2"):
            raise ValueError(f"{partition}, line {number}: expected NAME and 0, 1 or 2, got {line[:80]!r}")
        if SPLITS[int(part)] == split:
            names.add(name)
    return names
