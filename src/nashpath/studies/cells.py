"""The file of a measured cell: its rows, what it is a cell of, the hash of its source, and what measured it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nashpath.run.engine.device import find_device, hardware
from nashpath.run.folder.run_folder import RunFolder, machine, plain_json
from nashpath.studies.rows import Row
from nashpath.studies.study import Experiment

Kept = dict[str, Any]
"""A cell as its file has it."""


def cell_path(folder: str | Path, experiment: Experiment, cell: int) -> Path:
    """The file of a measured cell in a reproduction's folder."""
    return Path(folder) / "cells" / f"{experiment.name}.{cell}.json"


def cell_text(about: Kept, rows: Sequence[Row]) -> str:
    """The text of a cell's file, one row a line."""
    head = plain_json(about)[1:-1]
    lines = ",\n".join(map(plain_json, rows))
    return f'{{{head}, "rows": [\n{lines}\n]}}\n'


def cell_identity(study: str, experiment: Experiment, cell: int) -> Kept:
    """What a cell is, as its file says it."""
    entries = {key: _plain(value) for key, value in experiment.cells[cell].items()}
    return {"study": study, "experiment": experiment.name, "cell": entries}


def _plain(value: Any) -> Any:
    """A value as JSON gives it back; rows may have another one in place of what JSON does not know."""
    try:
        return json.loads(plain_json(value))
    except TypeError:
        return repr(value)


def read_cell(store: RunFolder, path: str | Path, of: Kept | None = None) -> Kept | None:
    """A measured cell; None where it was not measured, is damaged, or is no cell ``of`` that (see `cell_identity`).

    A `FolderWarning` says what is left out. Cells of earlier versions do not say what they are cells of.
    """
    path = Path(path)
    fault = store.digests.fault(path.relative_to(store.folder).as_posix())
    if not path.exists() and not fault:
        return None
    try:
        found = {} if fault else json.loads(path.read_text(encoding="utf-8"))
        if fault or not _is_cell(found):
            raise ValueError(fault or "holds no cell")
        if of is not None and found.get("of", of) != of:
            raise ValueError(f"holds another cell ({_told(found['of'])})")
    except (ValueError, RecursionError) as error:
        store.warn(f"{path}: {error}; it is left out, and measured again by the next reproduction there")
        return None
    return found


def _is_cell(found: Any) -> bool:
    rows = found.get("rows") if isinstance(found, dict) else None
    return isinstance(rows, list) and "source" in found and all(isinstance(row, dict) for row in rows)


def _told(of: Any) -> str:
    return ", ".join(f"{key} {value}" for key, value in of.items()) if isinstance(of, dict) else str(of)


def strays(folder: str | Path, cells: Iterable[tuple[Experiment, int]]) -> list[str]:
    """Files among a reproduction's cells that are none of ``cells``."""
    known = {cell_path(folder, experiment, cell).name for experiment, cell in cells}
    return sorted(path.name for path in (Path(folder) / "cells").glob("*.json") if path.name not in known)


def told_stray(name: str) -> str:
    """What to say of such a file."""
    return f"cells/{name} is of no cell that the study has now, and is left out"


def here() -> Kept:
    """What a cell that is measured now is measured by: versions, platform, processor, and the GPU if it has one."""
    return {**{key: machine()[key] for key in ("versions", "platform")}, **hardware(find_device("auto"))}


def measured_on(cells: Iterable[Kept]) -> list[Kept]:
    """What measured the ``cells``, each with how many; nothing but the number where that was not recorded."""
    counted: dict[str, list[Any]] = {}
    for cell in cells:
        on = cell.get("on") or {}
        counted.setdefault(json.dumps(on, sort_keys=True), [on, 0])[1] += 1
    return [{"cells": count, **on} for _, (on, count) in sorted(counted.items())]
