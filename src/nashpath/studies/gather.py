"""Joins cells of one reproduction that were measured in several folders, on one machine or on many."""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from nashpath.run import RunFolder, SettingError
from nashpath.run.folder.outputs import check_new
from nashpath.run.settings.method_files import loaded_files
from nashpath.studies.claim import Verdict
from nashpath.studies.find import own_file
from nashpath.studies.result import Result, cell_path, read_cell, read_study, recorded_study

SAME = ("study", "scale", "options", "registered")
"""What folders must agree in to be parts of one reproduction."""


def gather_cells(out: str | Path, folders: Sequence[str | Path]) -> tuple[list[Verdict], list[str]]:
    """Takes every cell that ``folders`` hold into ``out``, which may be new, and judges; with what there is to say.

    Cells that were measured by other source than the present one are left out, and so are damaged ones, which is said.
    Where two folders hold the same cell the first one counts (``out`` before all), and it is said if the rows differ.

    Raises `SettingError` where a folder is no reproduction, or one of another study, scale, size or criterion.
    """
    out = Path(out)
    folders = [Path(one) for one in folders]
    if not folders:
        raise SettingError("name the folders to gather")
    parts = [(folder, read_study(folder)) for folder in folders]
    first, known = parts[0]
    for folder, found in parts[1:]:
        other = [key for key in SAME if found.get(key) != known.get(key)]
        if other:
            raise SettingError(f"{folder} is no part of what {first} holds: it has another {', '.join(other)}")
    study, store = recorded_study(known), RunFolder(out)
    if not (out / "study.json").exists():
        check_new(out)
    store.claim()
    try:
        result = Result(study, known["scale"], out, own_file(known["from"]), known["options"], loaded_files(), store)
        if result.registered != known["registered"]:
            raise SettingError(f"{out} was begun with other criteria than {first}; choose another place")
        result.started = min(found["started"] for _, found in parts)
        said, seconds = [], 0.0
        stores = [RunFolder(folder) for folder in folders]
        for (experiment, cell), held in product(study.cells_at(known["scale"]), stores):
            name, kept = f"{experiment.name}.{cell}", read_cell(held, cell_path(held.folder, experiment, cell))
            if kept is None:
                continue
            if kept["source"] != result.source(experiment, cell):
                said.append(f"{held.folder}: {name} was measured by other source, and is left out")
            elif not result.has(experiment, cell):
                result.keep(experiment, cell, kept["rows"], kept["seconds"])
                seconds += kept["seconds"]
            elif _rows(kept) != _rows(result.kept(experiment, cell)):
                said.append(f"{held.folder}: {name} has other numbers than {out}, which keeps its own")
        workers = max(found["workers"] for _, found in parts)
        return result.write("finished" if result.whole else "partial", workers, seconds, {}), said
    finally:
        store.release()


def _rows(kept: dict[str, Any] | None) -> str:
    return json.dumps(kept and kept["rows"], sort_keys=True)
