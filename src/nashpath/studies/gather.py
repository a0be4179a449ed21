"""Joins cells of one reproduction that were measured in several folders, on one machine or on many."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from nashpath.run import RunFolder, SettingError
from nashpath.run.folder.outputs import check_new
from nashpath.run.settings.method_files import loaded_files
from nashpath.run.settings.model import dotted
from nashpath.studies.cells import Kept, cell_identity, cell_path, read_cell, strays, told_stray
from nashpath.studies.claim import Verdict
from nashpath.studies.find import own_file
from nashpath.studies.result import Result, read_study, recorded_study

PARTS = "registered_parts"
SAME = {"study": "study", "scale": "scale", "options": "options", "registered": "criteria", PARTS: "claims"}
"""What folders must agree in to be parts of one reproduction, in words."""


def gather_cells(out: str | Path, folders: Sequence[str | Path]) -> tuple[list[Verdict], list[str]]:
    """Takes every cell that ``folders`` hold into ``out``, which may be new, and judges; with what there is to say.

    Cells that were measured by other source than the present one are left out, and so are damaged ones, which is said.
    Where two folders hold the same cell the first one counts (``out`` before all), and it is said if the rows differ.

    What measured each cell goes with it. Raises `SettingError` where a folder is no reproduction, or one of another
    study, scale, size, criterion or claim.
    """
    out = Path(out)
    folders = [Path(one) for one in folders]
    if not folders:
        raise SettingError("name the folders to gather")
    parts = [(folder, read_study(folder)) for folder in folders]
    first, known = parts[0]
    for folder, found in parts[1:]:
        if other := _differing(SAME, (folder, found), (first, known)):
            raise SettingError(f"{folder} is no part of what {first} holds: {other}")
    store, begun = RunFolder(out), (out / "study.json").exists()
    if not begun:
        check_new(out)
    source = read_study(out) if begun else known  # what ``out`` holds already was measured by its own study's code
    if other := _differing(("study", "scale", "options"), (out, source), parts[0]):
        raise SettingError(f"{out} holds another reproduction than {first}: {other}; choose another place")
    store.claim()
    try:
        file = own_file(source["from"])
        result = Result(recorded_study(source), known["scale"], out, file, known["options"], loaded_files(), store)
        if not begun:
            result.parts = next((found[PARTS] for _, found in parts if PARTS in found), {})
        if not _agree(PARTS, {PARTS: result.parts}, known):
            raise SettingError(f"{out} was begun with other claims than {first}; choose another place")
        if result.registered != known["registered"]:
            raise SettingError(f"{out} was begun with other criteria than {first}; choose another place")
        result.started = min(found["started"] for _, found in parts)
        said, seconds = [], 0.0
        for folder in folders:
            more, taken = _take(result, RunFolder(folder))
            said, seconds = said + more, seconds + taken
        workers = max(found["workers"] for _, found in parts)
        return result.write("finished" if result.whole else "partial", workers, seconds, {}), said
    finally:
        store.release()


def _differing(keys: Iterable[str], *two: tuple[Path, dict[str, Any]]) -> str:
    """In what two records differ under these keys, in words: each entry with what it is in both."""
    (here, found), (there, known) = two
    said = list[str]()
    for key in [key for key in keys if not _agree(key, found, known)]:
        a, b = (dotted({SAME[key]: record.get(key)}) for record in (found, known))
        apart = [name for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]
        if key == PARTS:  # which are hashes
            said.append(f"{', '.join(apart)} differ")
        else:
            said += [f"{n} is {a.get(n, 'not set')} in {here}, {b.get(n, 'not set')} in {there}" for n in apart]
    return "; ".join(said)


def _agree(key: str, found: dict[str, Any], known: dict[str, Any]) -> bool:
    """Whether two records agree; an earlier version registered criteria alone, and nothing is known of the rest."""
    a, b = found.get(key), known.get(key)
    return a == b or (key == PARTS and not (a and b))


def _take(result: Result, held: RunFolder) -> tuple[list[str], float]:
    """Takes the cells that ``result`` does not have; what there is to say, and the seconds that they took."""
    said, seconds, cells = [], 0.0, result.study.cells_at(result.scale)
    held.warn_if_unchecked()
    for experiment, cell in cells:
        of, name = cell_identity(result.study.name, experiment, cell), f"{experiment.name}.{cell}"
        kept = read_cell(held, cell_path(held.folder, experiment, cell), of)
        if kept is None:
            continue
        if kept["source"] != result.source(experiment, cell):
            said.append(f"{held.folder}: {name} was measured by other source, and is left out")
        elif not result.has(experiment, cell):
            result.keep(experiment, cell, kept["rows"], kept["seconds"], kept.get("on", {}))
            seconds += kept["seconds"]
        elif _rows(kept) != _rows(result.kept(experiment, cell)):
            said.append(f"{held.folder}: {name} has other numbers than {result.store.folder}, which keeps its own")
    return said + [f"{held.folder}: {told_stray(name)}" for name in strays(held.folder, cells)], seconds


def _rows(kept: Kept | None) -> str:
    return json.dumps(kept and kept["rows"], sort_keys=True)
