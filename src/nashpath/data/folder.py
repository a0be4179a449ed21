"""A user's own pictures, as they lie on the disk."""

from collections import Counter
from pathlib import Path
from typing import Literal

import numpy as np

from nashpath.data.base import BYTES, GIBIBYTE, Bytes, FiniteSource, Progress, SampleBuffer, Side, stamp
from nashpath.data.image_cache import ENDINGS, decoded, fingerprint, picture_shape


class Folder(FiniteSource):
    """A folder of images of any size, grey or RGB, with its subfolders.

    Each image is scaled so that its shorter side is ``size`` pixels, and its centre is cut out: shape
    ``(channels, size, size)``, ``v / 127.5 - 1``. With ``labels`` the first level of subfolders are the classes
    (``class_names``, in alphabetical order). Images are decoded once, into a cache in ``$NASHPATH_CACHE`` (else
    ``~/.cache/nashpath``) that is renewed when a file or a setting changes; up to ``device_bytes`` they live on the
    device, above they stream. Raises `FileNotFoundError` for a missing or an empty folder; damaged files are left out
    with a warning that names them.

    Reference: Pillow's documentation of `PIL.ImageOps.fit` (the crop), with bicubic resampling.
    """

    def __init__(
        self,
        path: str = "",
        size: Side = 32,
        channels: Literal[1, 3] = 3,
        labels: bool = False,
        device_bytes: Bytes = GIBIBYTE,
    ):
        self._root = _existing(path)
        self._stamp = stamp([self._root, *(folder for folder in self._root.rglob("*") if folder.is_dir())])
        self._files = _pictures(self._root)
        self.class_names = _class_names(self._root, self._files) if labels else []
        self.shape = self._picture = picture_shape(size, channels)
        self._device_bytes = device_bytes

    @property
    def files(self) -> list[Path]:
        """The image files, in the order of their names."""
        return list(self._files)

    @property
    def classes(self) -> int:
        """The number of classes; 0 without ``labels``."""
        return len(self.class_names)

    def _fill(self, progress: Progress | None) -> SampleBuffer:
        names = [file.relative_to(self._root).as_posix() for file in self._files]
        key = fingerprint(self._root, self._files, "folder", self.shape)
        images, kept = decoded(key, str(self._root), zip(names, self._files), len(names), self._picture, progress)
        labels = None
        if self.class_names:
            number = {name: index for index, name in enumerate(self.class_names)}
            labels = np.array([number[names[index].split("/")[0]] for index in kept])
        return SampleBuffer(images, labels, self.classes, BYTES, self._device_bytes)


def _existing(path: str) -> Path:
    if not path:
        raise ValueError("path is missing: give the folder that holds the images")
    root = Path(path).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"there is no folder {root} (seen from {Path.cwd()})")
    if not root.is_dir():
        raise NotADirectoryError(
            f"{root} is a file; give the folder that holds the images (an .npy file is data 'array')"
        )
    return root


def _pictures(root: Path) -> list[Path]:
    """All image files below ``root`` in the order of their names, hidden ones left out."""
    files = [
        p for p in root.rglob("*") if p.is_file() and not any(s.startswith(".") for s in p.relative_to(root).parts)
    ]
    found = [p for p in files if p.suffix.lower() in ENDINGS]
    if not found:
        others = ", ".join(
            f"{n} {ending or 'without ending'}" for ending, n in Counter(p.suffix for p in files).most_common(5)
        )
        raise FileNotFoundError(
            f"no images in {root} or its subfolders; looked for {', '.join(sorted(ENDINGS))}"
            + (f", found only {others}" if others else ", found no files at all")
        )
    return sorted(found, key=lambda p: p.relative_to(root).as_posix())


def _class_names(root: Path, files: list[Path]) -> list[str]:
    stray = [file.name for file in files if file.parent == root]
    if stray:
        raise ValueError(
            f"labels=True takes the subfolders of {root} as classes, but {len(stray)} images lie outside any, such as "
            f"{stray[0]}; move them, or leave labels off"
        )
    return sorted({file.relative_to(root).parts[0] for file in files})
