"""A data set of the Hugging Face Hub, at one exact revision, read from its parquet files."""

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Literal

import numpy as np

from nashpath.data.base import BYTES, GIBIBYTE, Bytes, FiniteSource, Progress, SampleBuffer, SideLength, stamp
from nashpath.data.image_cache import decoded, fingerprint, picture_shape
from nashpath.data.parquet import PictureTable, needed, spread_pictures
from nashpath.data.picture_bits import warn_of_pages
from nashpath.data.samples import checked_labels, labels_of_kept
from nashpath.data.shards import check_complete


class Hub(FiniteSource):
    """Images of a Hugging Face Hub data set, at a pinned revision.

    ``repo`` is ``owner/name``, ``revision`` a commit hash (40 hex digits: a branch or tag can move), ``files`` a
    pattern for its parquet files, ``column`` the one with the encoded images, ``label_column`` the one with whole
    numbers (empty: no labels). ``folder`` names a local copy of the parquet files instead; then nothing is downloaded.
    Images become ``(channels, size, size)`` and are cached as by `Folder`. Needs the extra
    ``pip install 'nashpath[hub]'``; raises `ImportError` without it, `ConnectionError` if the download fails, and
    `ValueError` for a revision, pattern or column that is not there, for damaged files, and where files that match the
    pattern are numbered parts (``-00000-of-00005``) of which others are missing. Rows without a picture that can be
    read are left out, with a warning that names them.

    Reference: Hugging Face Hub documentation, "Download files from the Hub" (`snapshot_download`).
    """

    def __init__(
        self,
        repo: str = "",
        revision: str = "",
        files: str = "*train*.parquet",
        column: str = "image",
        label_column: str = "",
        folder: str = "",
        size: SideLength = 32,
        channels: Literal[1, 3] = 3,
        device_bytes: Bytes = GIBIBYTE,
    ):
        if not folder:
            _check_pinned(repo, revision)
        needed("pyarrow.parquet")
        self._where = folder or f"{repo} at {revision}"
        self._source = (repo, revision, folder)
        root = Path(folder).expanduser()
        self._stamp = stamp([root, *root.rglob("*.parquet")]) if folder else None
        self._pattern, self._column, self._label_column = files, column, label_column
        self.shape = self._picture = picture_shape(size, channels)
        self._device_bytes = device_bytes

    def _fill(self, progress: Progress | None) -> SampleBuffer:
        repo, revision, folder = self._source
        root = local_folder(folder) if folder else _download(repo, revision, self._pattern)
        files = self._matching(root)
        tables = [PictureTable(file, self._where, self._column, self._label_column) for file in files]
        total = sum(len(table) for table in tables)
        if not total:
            raise ValueError(f"{self._where}: no row is in {', '.join(file.name for file in files[:10])}")
        looked = spread_pictures(tables)
        warn_of_pages(self._where, [source for _, source in looked], [name for name, _ in looked], total)
        key = fingerprint(root, files, "hub", self._column, self.shape)
        items = (item for table in tables for item in table.pictures())
        images, kept = decoded(key, self._where, items, total, self._picture, progress)
        if not self._label_column:
            return SampleBuffer(images, None, 0, BYTES, self._device_bytes)
        where = f"{self._where}, column {self._label_column!r}"
        labels = checked_labels(np.concatenate([table.labels() for table in tables]), total, where)
        left = labels_of_kept(labels, kept, where)
        return SampleBuffer(images, left, int(labels.max()) + 1, BYTES, self._device_bytes)

    def _matching(self, root: Path) -> list[Path]:
        there = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.parquet"))
        names = [name for name in there if fnmatch(name, self._pattern)]
        if not names:
            known = ", ".join(there[:10]) or "none"
            raise ValueError(f"{self._where}: no parquet file matches {self._pattern!r}; parquet files there: {known}")
        check_complete(names, self._pattern, self._where)
        return [root / name for name in names]


def _check_pinned(repo: str, revision: str) -> None:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+|[\w.-]+", repo):
        raise ValueError(f"repo={repo!r}: give the data set as owner/name, for example ylecun/mnist")
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ValueError(
            f"revision={revision!r}: give the commit hash (40 hex digits), so that the data cannot change under a run; "
            f"see https://huggingface.co/datasets/{repo}/commits/main"
        )


def local_folder(folder: str) -> Path:
    """The folder of a copy. Raises `FileNotFoundError`."""
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"folder: there is no folder {root} (seen from {Path.cwd()})")
    return root


def _download(repo: str, revision: str, pattern: str) -> Path:
    hub = needed("huggingface_hub")
    try:
        return Path(hub.snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=[pattern]))
    except Exception as error:  # the client raises its own, its transport's and the system's errors
        raise ConnectionError(
            f"cannot fetch {repo} at {revision} from the Hugging Face Hub ({type(error).__name__}: {error}). Check the "
            "names and the connection; offline, copy its parquet files here and give their folder as folder=..."
        ) from error
