"""The folder of a reproduction: a file for each measured cell, and ``study.json`` with what was claimed and found.

``study.json`` is first written before anything is measured: the claims with their criteria, the seeds, versions, the
hash of the source. The verdicts are added at the end, and claims whose criterion has changed since then are named.
Cells whose experiment rests on other source now (`nashpath.studies.source`) are measured again.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from nashpath.run import SettingError
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.run_folder import RunFolder, machine, plain_json
from nashpath.run.settings.method_files import MethodFile, known_rows, without_folders
from nashpath.studies.claim import Verdict, judge_all
from nashpath.studies.find import find_study, own_file
from nashpath.studies.rows import Row, Rows
from nashpath.studies.source import Code, module_of
from nashpath.studies.study import Experiment, Study

THREADS = 1
"""A cell is measured on one thread, so that its numbers do not depend on the number of workers."""


def source_hash(
    experiment: Experiment, scale: str, code: Code, own: str | Path | None = None, files: Sequence[MethodFile] = ()
) -> str:
    """16 digits for what an experiment's rows depend on but for the cell: its function, its size, and their ``code``.

    ``own`` is a study's own file, ``files`` register methods. Comments, docstrings and modules that the experiment does
    not use leave the hash as it is.
    """
    own = None if own is None else Path(own)
    function = getattr(experiment.measure, "__qualname__", "")
    texts = [function, repr(experiment.sizes[scale]), *sorted(file.sha256 for file in files)]
    modules = set(code.used_by(module_of(experiment.measure)))
    if own is not None:
        modules |= set(code.used_by(own))
        texts.append(code.read(own).digest)
    return code.hash(sorted(modules), *texts)


def _digits(*parts: Any) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


class Result:
    """One study's folder; ``store`` is that folder where it is claimed already.

    Raises `SettingError` where the folder holds another study, or another scale of it.
    """

    def __init__(
        self,
        study: Study,
        scale: str,
        folder: Path,
        own: Path | None = None,
        options: Mapping[str, Any] | None = None,
        files: Sequence[MethodFile] = (),
        store: RunFolder | None = None,
    ):
        self.study, self.scale, self.store = study, scale, store or RunFolder(folder)
        self.own, self.files = own, files
        self.methods = without_folders([file.entry() for file in files])
        self.cells = folder / "cells"
        self.store.warn_if_damaged()
        there = folder / "study.json"
        if there.exists():
            known = read_study(folder)
        else:
            known = {}
            if not self.store.digests.kept():
                check_new(folder)
                self.cells.mkdir(parents=True, exist_ok=True)
                self.store.digests.begin([])
            elif self.store.digests.fault(there.name):
                self.store.warn(f"{there}: is missing; the claims are registered anew")
        self.given = {"study": study.name, "scale": scale, "options": dict(options or {})}
        self.origin = str(own) if own else study.name
        other = {key: known[key] for key in self.given if key in known and known[key] != self.given[key]}
        if other:
            held = ", ".join(f"{key} {value}" for key, value in other.items())
            raise SettingError(f"{folder} holds a reproduction with {held}; choose another --out")
        self._before = known.get("methods", ())
        self.started = known.get("started") or datetime.now(UTC).isoformat(timespec="seconds")
        criteria = {claim.name: claim.criterion for claim in study.claims_at(scale)}
        self.registered = known.get("registered") or criteria
        self.spent = float(known.get("seconds") or 0.0)
        named = {**self.registered, **criteria}  # also those that are no claims any more
        self.changed = sorted(name for name in named if self.registered.get(name) != criteria.get(name))

    def check_methods(self) -> None:
        """Raises `SettingError` where cells were measured with registered methods that are not there now."""
        for entry in self._before:
            if not known_rows(entry["registers"]):
                what = f"{self.store.folder} was measured with {', '.join(entry['registers'])} of {entry['file']}"
                raise SettingError(f"{what}; name the file: --with PATH")

    @cached_property
    def sources(self) -> dict[str, str]:
        """The hash of each experiment's present source, by its name."""
        code, chosen = Code(), self.study.experiments_at(self.scale)
        return {e.name: source_hash(e, self.scale, code, self.own, self.files) for e in chosen}

    def source(self, experiment: Experiment, cell: int) -> str:
        """16 digits for what one cell's rows depend on."""
        return _digits(self.sources[experiment.name], {**experiment.cells[cell]})

    @property
    def hash(self) -> str:
        """16 digits for the source of all experiments."""
        return _digits(sorted(self.sources.items()))

    def has(self, experiment: Experiment, cell: int) -> bool:
        """Whether a cell was measured by the present source."""
        return self.kept(experiment, cell) is not None

    def kept(self, experiment: Experiment, cell: int) -> dict[str, Any] | None:
        """A cell that was measured by the present source."""
        kept = read_cell(self.store, self._path(experiment, cell))
        return kept if kept is not None and kept["source"] == self.source(experiment, cell) else None

    @property
    def whole(self) -> bool:
        """Whether every cell was measured by the present source."""
        return all(self.has(*cell) for cell in self.study.cells_at(self.scale))

    def way(self, experiment: Experiment, cell: int) -> tuple[Path, str]:
        """The folder in which a cell keeps how far it came until it is measured, and the hash of its source."""
        return self._path(experiment, cell).with_suffix(".begun"), self.source(experiment, cell)

    def keep(self, experiment: Experiment, cell: int, rows: Sequence[Row], seconds: float) -> None:
        """Writes down a measured cell, one row a line."""
        own = {**experiment.cells[cell]}
        about = f'"source": "{self.source(experiment, cell)}", "seconds": {seconds:.2f}'
        lines = ",\n".join(plain_json({**own, **row}) for row in rows)
        name = self._path(experiment, cell).relative_to(self.store.folder).as_posix()
        self.store.write(name, f'{{{about}, "rows": [\n{lines}\n]}}\n'.encode())

    def rows(self, present: bool = False) -> dict[str, Rows]:
        """The rows of every experiment of which all cells were measured; by the ``present`` source only, if asked."""
        found = {}
        for experiment in self.study.experiments_at(self.scale):
            paths = [self._path(experiment, cell) for cell in range(len(experiment.cells))]
            cells = [kept for path in paths if (kept := read_cell(self.store, path)) is not None]
            fits = not present or all(cell["source"] == self.source(experiment, k) for k, cell in enumerate(cells))
            if len(cells) == len(paths) and fits:
                found[experiment.name] = Rows(row for cell in cells for row in cell["rows"])
        return found

    def write(self, status: str, workers: int, seconds: float, failed: dict[str, str]) -> list[Verdict]:
        """Writes ``study.json``, the ``seconds`` of this go added to earlier ones; judges unless it is ``running``."""
        claims = self.study.claims_at(self.scale)
        rows = {} if status == "running" else self.rows(present=True)
        verdicts = judge_all(claims, rows, self.scale == "quick")
        about = {**self.given, "from": self.origin, "title": self.study.title, "paper": self.study.paper}
        ran = {"status": status, "started": self.started, "source": self.hash, "workers": workers}
        ran |= {"methods": self.methods} if self.methods else {}
        ran["seconds"] = round(self.spent + seconds, 1)
        experiments = [
            {"name": e.name, "about": e.about, "seeds": e.sizes[self.scale].seeds, "steps": e.sizes[self.scale].steps}
            for e in self.study.experiments_at(self.scale)
        ]
        judged: dict[str, Any] = {"claims": [v.as_json() for v in verdicts], "failed": failed}
        judged |= {"registered": self.registered, "changed_since": self.changed}
        ran |= {**machine(), "threads": THREADS, "experiments": experiments}
        self.store.write_json("study.json", {**about, **ran, **judged})
        return verdicts

    def _path(self, experiment: Experiment, cell: int) -> Path:
        return cell_path(self.store.folder, experiment, cell)


def cell_path(folder: str | Path, experiment: Experiment, cell: int) -> Path:
    """The file of a measured cell in a reproduction's folder."""
    folder = Path(folder)
    return folder / "cells" / f"{experiment.name}.{cell}.json"


def read_cell(store: RunFolder, path: str | Path) -> dict[str, Any] | None:
    """A measured cell; None where it was not measured, or is damaged, which a `FolderWarning` says."""
    path = Path(path)
    fault = store.digests.fault(path.relative_to(store.folder).as_posix())
    if not path.exists() and not fault:
        return None
    try:
        found = {} if fault else json.loads(path.read_text(encoding="utf-8"))
        if fault or not (isinstance(found, dict) and isinstance(found.get("rows"), list) and "source" in found):
            raise ValueError(fault or "holds no cell")
    except (ValueError, RecursionError) as error:
        store.warn(f"{path}: {error}; it is left out, and measured again by the next reproduction there")
        return None
    return found


def recorded_study(found: dict[str, Any]) -> Study:
    """The study that a ``study.json`` speaks of, as it is now, with the sizes of that reproduction."""
    return find_study(found["from"]).adjusted(found["scale"], found["options"])


def judge_again(folder: str | Path) -> list[Verdict]:
    """Judges what a folder holds by the claims as they are now; nothing is measured, and what it was made with stays.

    Claims whose criterion is another than the one that was registered before measuring are named in the record.
    """
    folder = Path(folder)
    found = read_study(folder)
    own = own_file(found["from"])
    study = recorded_study(found)
    result = Result(study, found["scale"], folder, own, found["options"])
    verdicts = judge_all(study.claims_at(found["scale"]), result.rows(), found["scale"] == "quick")
    found |= {"claims": [v.as_json() for v in verdicts], "changed_since": result.changed}
    result.store.write_json("study.json", found)
    return verdicts


def read_study(folder: str | Path) -> Any:
    """The ``study.json`` of a reproduction. Raises `SettingError` that names it where it is not as it was written."""
    folder = Path(folder)
    there = folder / "study.json"
    found, fault = read_json(there), RunFolder(folder).digests.fault(there.name)
    if fault:
        raise SettingError(f"{there} {fault}; put it back, or delete it, and its claims are registered anew")
    return found


def read_json(path: Path) -> Any:
    """A JSON file of a reproduction. Raises `SettingError` that names it where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingError(f"{path}: no such file; this is no folder of a reproduction") from None
    except (ValueError, RecursionError) as error:
        raise SettingError(f"{path} is damaged ({error}); delete it, and it is measured again") from None
