"""Pictures and labels in the columns of parquet files, and what to say of files and cells that hold none."""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from nashpath.core.errors import first_line
from nashpath.data.image_cache import Item, UnreadablePicture
from nashpath.data.picture_bits import LOOKED_FOR_PAGES

ROWS = 256
"""Rows that are read at once."""


def needed(module: str) -> ModuleType:
    """A module of the extra ``hub``. Raises `ImportError` that says what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f"data 'hub' needs {module.split('.')[0]}, which is not installed; run: pip install 'nashpath[hub]'"
        ) from error


class PictureTable:
    """One parquet file with a column of encoded pictures, and perhaps one of labels (empty: none).

    Raises `ValueError`, naming the file, where it is damaged, lacks a column, or holds no pictures in that column.
    """

    def __init__(self, file: Path, where: str, column: str, label_column: str):
        self.file, self._column, self._label_column = file, column, label_column
        table = self._open()
        self._metadata, schema = table.metadata, table.schema_arrow
        for name in filter(None, (column, label_column)):
            if name not in schema.names:
                known = ", ".join(schema.names)
                raise ValueError(f"{where}: {file.name} has no column {name!r}; its columns: {known}")
        kind = schema.field(column).type
        if not _holds_pictures(kind):
            raise ValueError(
                f"{where}: column {column!r} of {file.name} holds {kind}, not one encoded picture a row (bytes, or a "
                "struct with 'bytes'); name another as column=..."
            )

    def __len__(self) -> int:
        return int(self._metadata.num_rows)

    @property
    def groups(self) -> int:
        """How many groups its rows are kept in."""
        return int(self._metadata.num_row_groups)

    def pictures(self) -> Iterator[Item]:
        """Each row's name, and its picture or why there is none."""
        return self._items(range(self.groups), 0)

    def group(self, number: int, count: int) -> list[Item]:
        """The first ``count`` rows of a group."""
        before = sum(self._metadata.row_group(k).num_rows for k in range(number))
        return list(islice(self._items([number], before, count), count))

    def labels(self) -> np.ndarray:
        """The labels ``[n]``, of whatever kind they are."""
        with self._told():
            return self._open().read(columns=[self._label_column]).column(0).to_numpy()

    def _open(self) -> Any:
        """Its reader; of hundreds of files none stays open."""
        with self._told():
            return needed("pyarrow.parquet").ParquetFile(self.file)

    def _items(self, groups: Sequence[int], row: int, together: int = ROWS) -> Iterator[Item]:
        with self._told():
            batches = self._open().iter_batches(together, row_groups=list(groups), columns=[self._column])
        while True:
            with self._told():
                batch = next(batches, None)
            if batch is None:
                return
            for cell in batch.column(0).to_pylist():
                yield f"{self.file.name} row {row}", _picture(cell)
                row += 1

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong in reading is said of the file."""
        try:
            yield
        except (needed("pyarrow").ArrowException, OSError) as error:
            if getattr(error, "errno", None) is not None:  # the system refused it, and says which
                raise
            raise ValueError(
                f"{self.file}: cannot be read as a parquet file ({first_line(error)}); it is cut off or damaged: copy "
                "it again"
            ) from error


def spread_pictures(tables: Sequence[PictureTable]) -> list[Item]:
    """At most some `LOOKED_FOR_PAGES` of the pictures, from groups of rows that are spread evenly over all."""
    groups = [(table, number) for table in tables for number in range(table.groups)]
    chosen = groups[:: max(1, -(-len(groups) // LOOKED_FOR_PAGES))]
    each = -(-LOOKED_FOR_PAGES // max(1, len(chosen)))
    return [item for table, number in chosen for item in table.group(number, each)]


def _holds_pictures(kind: Any) -> bool:
    """Whether a column of this Arrow type has bytes in its cells, alone or as ``bytes`` of a struct, or nothing."""
    types = needed("pyarrow").types
    kind = getattr(kind, "storage_type", kind)
    if types.is_dictionary(kind):
        return _holds_pictures(kind.value_type)
    if types.is_struct(kind):
        at = kind.get_field_index("bytes")
        return at >= 0 and _holds_pictures(kind.field(at).type)
    plain = (types.is_binary, types.is_large_binary, types.is_fixed_size_binary, types.is_null)
    return any(is_one(kind) for is_one in plain)


def _picture(cell: Any) -> bytes | UnreadablePicture:
    """The bytes of a cell, or what stands there in their place."""
    contents = cell.get("bytes") if isinstance(cell, dict) else cell
    if isinstance(contents, bytes):
        return contents
    beside = cell.get("path") if isinstance(cell, dict) else None
    return UnreadablePicture(f"holds no picture: null{f', beside the path {beside!r}' if beside else ''}", True)
