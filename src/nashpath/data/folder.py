"""A user's own pictures, as they lie on the disk."""

import math
import os
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nashpath.core.walk import folders_below, leads_to
from nashpath.data.base import (
    BYTES,
    GIBIBYTE,
    Bytes,
    DataWarning,
    FiniteSource,
    PictureWidth,
    Progress,
    SampleBuffer,
    SideLength,
    stamp,
)
from nashpath.data.image_cache import (
    ENDINGS,
    Bits,
    Fit,
    decoded,
    fingerprint,
    names_inside,
    picture_shape,
    usual_look,
)
from nashpath.data.picture_bits import text_of_name, warn_of_pages, warn_of_unused_bits
from nashpath.data.picture_store import PictureStore
from nashpath.data.samples import labels_of_kept


class Folder(FiniteSource):
    """A folder of images of any size, grey, RGB or RGBA, with its subfolders.

    Samples have shape ``(channels, size, width)``, ``v / 127.5 - 1``; ``width`` 0 is ``size``, the height. An image is
    scaled until it covers this, and its centre is cut out (``fit`` is ``crop``), or until it fits inside, with white
    about it (``pad``), or each side by itself (``stretch``); one that has these sides is as it is. Transparency is laid
    over white, or is the fourth of 4 ``channels``. With ``labels`` the first level of subfolders are the classes
    (``class_names``, in alphabetical order). Up to ``device_bytes`` images are decoded once, into a cache in
    ``$NASHPATH_CACHE`` (else ``~/.cache/nashpath``) that is renewed when a file or a setting changes, and live on the
    device; more are encoded at their size beside the training, and decoded when they are drawn (`PictureStore`).
    Raises `FileNotFoundError` for a missing or an empty folder; damaged files are left out, or drawn as the next one,
    with a warning that names them. Links to folders are followed, except to one that they lie in.

    Grey files of 16 bits are scaled from ``[0, 2^bits − 1]``: ``bits=12`` for cameras and scanners that fill only 12.
    Of colours of 16 bits the upper eight are read, and other ``bits`` refuse them. Of a file with several pictures the
    first is taken, with a warning.

    Reference: Pillow's documentation of `PIL.ImageOps.fit` (the crop) and `pad`, with bicubic resampling.
    """

    _store: PictureStore | None = None
    _read: str | None = None
    """The fingerprint of the files when they were read."""

    def __init__(
        self,
        path: str = "",
        size: SideLength = 32,
        channels: Literal[1, 3, 4] = 3,
        labels: bool = False,
        bits: Bits = 16,
        device_bytes: Bytes = GIBIBYTE,
        width: PictureWidth = 0,
        fit: Fit = "crop",
    ):
        self._root = _existing(path)
        listed = list(folders_below(self._root))
        self._stamp = stamp(folder for folder, _ in listed)
        self._files = _pictures(self._root, listed)
        self._bits: int = bits
        self._fit: Fit = fit
        self.class_names = _class_names(self._root, self._files) if labels else []
        self.shape = self._picture = picture_shape(size, channels, width)
        self._device_bytes = device_bytes

    @classmethod
    def settings_for(cls, path: Path) -> dict[str, Any] | None:
        """For a folder (`ReadsPath`), the size and the channels of its pictures. Raises as the constructor does."""
        if not path.is_dir():
            return None
        size, channels = usual_look(_pictures(path, list(folders_below(path))))
        return {"path": str(path), "size": size, "channels": channels}

    @property
    def files(self) -> list[Path]:
        """The image files, in the order of their names."""
        return list(self._files)

    @property
    def subfolders(self) -> list[str]:
        """The first level of subfolders, where no picture lies outside them: what ``labels`` would take."""
        return [] if any(file.parent == self._root for file in self._files) else _class_names(self._root, self._files)

    @property
    def classes(self) -> int:
        """The number of classes; 0 without ``labels``."""
        return len(self.class_names)

    def changed(self) -> bool:
        """Whether a picture was added, taken out, or written again since they were read (`FromDisk`)."""
        try:
            return super().changed() or (self._read is not None and self._read != self._fingerprint())
        except OSError:  # one is gone
            return True

    def _fingerprint(self) -> str:
        unusual = [own for own, usual in ((self._bits, 16), (self._fit, "crop")) if own != usual]
        return fingerprint(self._root, self._files, "folder", self.shape, *unusual)

    def _fill(self, progress: Progress | None) -> SampleBuffer:
        names = names_inside(self._root, self._files)
        warn_of_unused_bits(str(self._root), self._files, self._bits)
        warn_of_pages(str(self._root), self._files, names)
        self._read = key = self._fingerprint()
        if len(names) * math.prod(self._picture) > self._device_bytes:
            self._store = PictureStore(f"{key}-encoded", self._root, self._files, self._picture, self._bits, self._fit)
            labels = self._labels(names)
            standing = None if labels is None else self._store.standing_by_class(labels)
            return self._held(self._store, labels, standing)
        items = zip(names, self._files)
        images, kept = decoded(key, str(self._root), items, len(names), self._picture, progress, self._bits, self._fit)
        return self._held(images, self._labels(names), kept)

    def _labels(self, names: list[str]) -> np.ndarray | None:
        """The numbers of the classes of all files; None without classes."""
        number = {name: index for index, name in enumerate(self.class_names)}
        return np.array([number[text_of_name(name.split("/")[0])] for name in names]) if number else None

    def _held(
        self, images: "np.ndarray | PictureStore", labels: np.ndarray | None, kept: np.ndarray | None
    ) -> SampleBuffer:
        """The images, with the classes of those at places ``kept`` of all files."""
        if labels is not None and kept is not None:
            labels = labels_of_kept(labels, kept, str(self._root), self.class_names)
        return SampleBuffer(images, labels, self.classes, BYTES, self._device_bytes)

    def prepare(self, progress: Progress | None = None) -> None:
        """Decodes all pictures; of more than ``device_bytes`` it begins to keep them, and returns."""
        super().prepare(progress)
        if self._store is not None:
            self._store.keep()


def _existing(path: str) -> Path:
    if not path:
        raise ValueError("path is missing: give the folder that holds the images")
    root = Path(path).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"path: there is no folder {root} (seen from {Path.cwd()})")
    if not root.is_dir():
        raise NotADirectoryError(
            f"{root} is a file; give the folder that holds the images (an .npy file is data 'array')"
        )
    return root


def _pictures(root: Path, listed: list[tuple[Path, list[os.DirEntry[str]]]]) -> list[Path]:
    """All image files below ``root`` in the order of their names, hidden ones left out."""
    entries = [entry for _, inside in listed for entry in inside if not entry.name.startswith(".")]
    files = [Path(entry.path) for entry in entries if leads_to(entry.is_file)]
    links = [entry.path for entry in entries if entry.is_symlink() and not os.path.exists(entry.path)]
    dangling = sorted(text_of_name(os.path.relpath(link, root)) for link in links)
    if dangling:
        named = ", ".join(dangling[:5])
        warnings.warn(
            f"{len(dangling)} links in {root} lead nowhere and are left out: {named}", DataWarning, stacklevel=2
        )
    found = [p for p in files if p.suffix.lower() in ENDINGS]
    if not found:
        others = ", ".join(
            f"{n} {ending or 'without ending'}" for ending, n in Counter(p.suffix for p in files).most_common(5)
        )
        raise FileNotFoundError(
            f"no images in {root} or its subfolders; looked for {', '.join(sorted(ENDINGS))}"
            + (f", found only {others}" if others else ", found no files at all")
        )
    return [file for _, file in sorted(zip(names_inside(root, found), found))]


def _class_names(root: Path, files: list[Path]) -> list[str]:
    stray = [file.name for file in files if file.parent == root]
    if stray:
        raise ValueError(
            f"labels=True takes the subfolders of {root} as classes, but {len(stray)} images lie outside any, such as "
            f"{text_of_name(stray[0])}; move them, or leave labels off"
        )
    return sorted({text_of_name(file.relative_to(root).parts[0]) for file in files})
