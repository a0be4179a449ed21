"""A data set of the Hugging Face Hub, at one exact revision, read from its parquet files."""

import importlib
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np

from nashpath.data.base import BYTES, GIBIBYTE, Bytes, FiniteSource, Progress, SampleBuffer, SideLength, stamp
from nashpath.data.image_cache import Item, decoded, fingerprint, picture_shape
from nashpath.data.samples import checked_labels


class Hub(FiniteSource):
    """Images of a Hugging Face Hub data set, at a pinned revision.

    ``repo`` is ``owner/name``, ``revision`` a commit hash (40 hex digits: a branch or tag can move), ``files`` a
    pattern for its parquet files, ``column`` the one with the encoded images, ``label_column`` the one with whole
    numbers (empty: no labels). ``folder`` names a local copy of the parquet files instead; then nothing is downloaded.
    Images become ``(channels, size, size)`` and are cached as by `Folder`. Needs the extra
    ``pip install 'nashpath[hub]'``; raises `ImportError` without it, `ConnectionError` if the download fails, and
    `ValueError` for a revision, pattern or column that is not there.

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
        _needed("pyarrow.parquet")
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
        total = sum(self._open(file).metadata.num_rows for file in files)
        key = fingerprint(root, files, "hub", self._column, self.shape)
        items = (item for file in files for item in self._items(file))
        images, kept = decoded(key, self._where, items, total, self._picture, progress)
        labels = self._labels(files)[kept] if self._label_column else None
        classes = 0 if labels is None else int(labels.max()) + 1
        return SampleBuffer(images, labels, classes, BYTES, self._device_bytes)

    def _matching(self, root: Path) -> list[Path]:
        there = sorted(file.relative_to(root).as_posix() for file in root.rglob("*.parquet"))
        files = [root / name for name in there if fnmatch(name, self._pattern)]
        if not files:
            known = ", ".join(there[:10]) or "none"
            raise ValueError(f"{self._where}: no parquet file matches {self._pattern!r}; parquet files there: {known}")
        return files

    def _open(self, file: Path) -> Any:
        """The parquet file, once its columns are known to be there."""
        table = _needed("pyarrow.parquet").ParquetFile(file)
        for column in filter(None, (self._column, self._label_column)):
            if column not in table.schema_arrow.names:
                known = ", ".join(table.schema_arrow.names)
                raise ValueError(f"{self._where}: {file.name} has no column {column!r}; its columns: {known}")
        return table

    def _items(self, file: Path) -> Iterator[Item]:
        row = 0
        for batch in self._open(file).iter_batches(batch_size=256, columns=[self._column]):
            for cell in batch.column(0).to_pylist():
                contents = cell.get("bytes") if isinstance(cell, dict) else cell
                yield f"{file.name} row {row}", contents if isinstance(contents, bytes) else b""
                row += 1

    def _labels(self, files: list[Path]) -> np.ndarray:
        columns = [self._open(f).read(columns=[self._label_column]).column(0).to_numpy() for f in files]
        labels = np.concatenate(columns)
        return checked_labels(labels, len(labels), f"{self._where}, column {self._label_column!r}")


def _check_pinned(repo: str, revision: str) -> None:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+|[\w.-]+", repo):
        raise ValueError(f"repo={repo!r}: give the data set as owner/name, for example ylecun/mnist")
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ValueError(
            f"revision={revision!r}: give the commit hash (40 hex digits), so that the data cannot change under a run; "
            f"see https://huggingface.co/datasets/{repo}/commits/main"
        )


def _needed(module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"data 'hub' needs {module.split('.')[0]}, which is not installed; run: pip install 'nashpath[hub]'"
        ) from error


def local_folder(folder: str) -> Path:
    """The folder of a copy. Raises `FileNotFoundError`."""
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise FileNotFoundError(f"folder: there is no folder {root} (seen from {Path.cwd()})")
    return root


def _download(repo: str, revision: str, pattern: str) -> Path:
    hub = _needed("huggingface_hub")
    try:
        return Path(hub.snapshot_download(repo, repo_type="dataset", revision=revision, allow_patterns=[pattern]))
    except Exception as error:  # the client raises its own, its transport's and the system's errors
        raise ConnectionError(
            f"cannot fetch {repo} at {revision} from the Hugging Face Hub ({type(error).__name__}: {error}). Check the "
            "names and the connection; offline, copy its parquet files here and give their folder as folder=..."
        ) from error
