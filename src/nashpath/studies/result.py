"""The folder of a reproduction: a file for each measured cell, and ``study.json`` with what was claimed and found.

``study.json`` is first written before anything is measured: the claims with their criteria, the seeds, versions, the
hash of the source. The verdicts are added at the end, and claims that have changed since then are named.
Cells whose experiment rests on other source now (`nashpath.studies.source`) are measured again; where they are judged
as they are (`judge_again`), that is said beside the verdict. Each cell says what measured it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from nashpath.run import SettingError
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.run_folder import RunFolder, machine
from nashpath.run.settings.local_imports import local_imports
from nashpath.run.settings.method_files import MethodFile, known_rows, loaded_files, without_folders
from nashpath.studies.cells import Kept, cell_identity, cell_path, cell_text, here, measured_on, read_cell, strays
from nashpath.studies.claim import Verdict, judge_all
from nashpath.studies.find import find_study, own_file
from nashpath.studies.registered import changes, parts_of
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
        for name, beside in local_imports(own, own.read_bytes()).items():
            modules |= set(code.used_by(beside))
            texts.append(f"{name} {code.read(beside).digest}")
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
        self._known = known
        self.started = known.get("started") or datetime.now(UTC).isoformat(timespec="seconds")
        self.spent = float(known.get("seconds") or 0.0)
        claims = study.claims_at(scale)
        before = known if known.get("registered") else None  # an earlier version registered criteria alone
        self.registered = before["registered"] if before else {claim.name: claim.criterion for claim in claims}
        self.parts = before.get("registered_parts", {}) if before else parts_of(claims)

    def check_methods(self) -> None:
        """Raises `SettingError` where cells were measured with registered methods that are not there now."""
        for entry in self._known.get("methods", ()):
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

    def held(self, experiment: Experiment, cell: int) -> Kept | None:
        """A cell, whatever source measured it."""
        of = cell_identity(self.study.name, experiment, cell)
        return read_cell(self.store, self._path(experiment, cell), of)

    def kept(self, experiment: Experiment, cell: int) -> Kept | None:
        """A cell that was measured by the present source."""
        kept = self.held(experiment, cell)
        return kept if kept is not None and kept["source"] == self.source(experiment, cell) else None

    @property
    def whole(self) -> bool:
        """Whether every cell was measured by the present source."""
        return all(self.has(*cell) for cell in self.study.cells_at(self.scale))

    def way(self, experiment: Experiment, cell: int) -> tuple[Path, str]:
        """The folder in which a cell keeps how far it came until it is measured, and the hash of its source."""
        return self._path(experiment, cell).with_suffix(".begun"), self.source(experiment, cell)

    def keep(
        self, experiment: Experiment, cell: int, rows: Sequence[Row], seconds: float, on: Kept | None = None
    ) -> None:
        """Writes down a cell that was measured by the present source, here, or ``on`` another (empty: not known)."""
        made: Kept = {"source": self.source(experiment, cell), "code": self.sources[experiment.name]}
        made |= {"of": cell_identity(self.study.name, experiment, cell), "seconds": round(seconds, 2)}
        made |= {"on": by} if (by := here() if on is None else on) else {}
        text = cell_text(made, [{**experiment.cells[cell], **row} for row in rows])
        self.store.write(self._path(experiment, cell).relative_to(self.store.folder).as_posix(), text.encode())

    def everything(self) -> dict[str, list[Kept | None]]:
        """All cells of each experiment, whatever source measured them; None for what is not there."""
        chosen = self.study.experiments_at(self.scale)
        return {e.name: [self.held(e, cell) for cell in range(len(e.cells))] for e in chosen}

    def rows(self, present: bool = False, held: Mapping[str, list[Kept | None]] | None = None) -> dict[str, Rows]:
        """The rows of every experiment of which all cells were measured; by the ``present`` source only, if asked.

        Cells that are known to be of different source are never taken together. ``held`` is what was read already.
        """
        found, held = {}, self.everything() if held is None else held
        other = self._other(held)
        for name, cells in held.items():
            there, told = [cell for cell in cells if cell is not None], other.get(name)
            if len(there) == len(cells) and (told is None or not (present or told["mixed"])):
                found[name] = Rows(row for cell in there for row in cell["rows"])
        return found

    def _other(self, held: Mapping[str, list[Kept | None]]) -> dict[str, dict[str, Any]]:
        """How many ``cells`` of an experiment, ``of`` how many, other source measured, and whether it is ``mixed``."""
        found = {}
        for experiment in self.study.experiments_at(self.scale):
            cells = {k: cell for k, cell in enumerate(held[experiment.name]) if cell is not None}
            other = [cell for k, cell in cells.items() if cell["source"] != self.source(experiment, k)]
            if other:
                mixed = len(other) < len(cells) or len({cell.get("code") for cell in other}) > 1
                found[experiment.name] = {"cells": len(other), "of": len(experiment.cells), "mixed": mixed}
        return found

    def judged(self, present: bool, blank: bool = False) -> tuple[list[Verdict], dict[str, Any]]:
        """The verdicts by the rows that are there (see `rows`; ``blank``: by none), and what ``study.json`` says."""
        claims, held = self.study.claims_at(self.scale), self.everything()
        other, changed = self._other(held), changes(self.registered, self.parts, claims)
        verdicts = judge_all(claims, {} if blank else self.rows(present, held), self.scale == "quick")
        verdicts = [_beside(verdict, other.get(verdict.claim.experiment)) for verdict in verdicts]
        stray = strays(self.store.folder, self.study.cells_at(self.scale))
        found = {"claims": [verdict.as_json() for verdict in verdicts], "changed_since": sorted(changed)}
        found["measured_on"] = measured_on(cell for cells in held.values() for cell in cells if cell is not None)
        said = {"changed_how": changed, "other_code": other, "left_out": stray}
        return verdicts, found | {key: value for key, value in said.items() if value}

    def write(self, status: str, workers: int, seconds: float, failed: dict[str, str]) -> list[Verdict]:
        """Writes ``study.json``, the ``seconds`` of this go added to earlier ones; judges unless it is ``running``."""
        verdicts, judged = self.judged(present=True, blank=status == "running")
        about = {**self.given, "from": self.origin, "title": self.study.title, "paper": self.study.paper}
        ran = {"status": status, "started": self.started, "source": self.hash, "workers": workers}
        ran |= {"methods": self.methods} if self.methods else {}
        ran["seconds"] = round(self.spent + seconds, 1)
        experiments = [
            {"name": e.name, "about": e.about, "seeds": e.sizes[self.scale].seeds, "steps": e.sizes[self.scale].steps}
            for e in self.study.experiments_at(self.scale)
        ]
        judged |= {"failed": failed, "registered": self.registered}
        judged |= {"registered_parts": self.parts} if self.parts else {}
        ran |= {**self._machine(judged["measured_on"]), "threads": THREADS, "experiments": experiments}
        self.store.write_json("study.json", {**about, **ran, **judged})
        return verdicts

    def _machine(self, groups: Sequence[Kept]) -> dict[str, Any]:
        """The versions and platform that measured all cells, if there is one of each; else those that go on here."""
        alone = groups[0] if len(groups) == 1 else {}
        of = alone if "versions" in alone else self._known if alone and "versions" in self._known else machine()
        return {key: of[key] for key in ("versions", "platform") if key in of}

    def _path(self, experiment: Experiment, cell: int) -> Path:
        return cell_path(self.store.folder, experiment, cell)


def _beside(verdict: Verdict, other: Mapping[str, Any] | None) -> Verdict:
    """A verdict with a note on cells that other source measured."""
    if other is None:
        return verdict
    told = told_other(verdict.claim.experiment, other)
    bare = verdict.word == "not measured" and other["mixed"]  # the cells are there
    return replace(verdict, note=told if bare or not verdict.note else f"{verdict.note}; {told}")


def told_other(experiment: str, other: Mapping[str, Any]) -> str:
    """What to say of cells of an experiment that other source measured."""
    many = f"{other['cells']} of {other['of']} cells of {experiment}"
    told = f"{many} were measured by other code, or at other sizes, than the study has now"
    return f"{told}; cells of different code are not judged together" if other["mixed"] else told


def recorded_study(found: dict[str, Any]) -> Study:
    """The study that a ``study.json`` speaks of, as it is now, with the sizes of that reproduction.

    Raises `SettingError`, also where its file holds another study now.
    """
    study = find_study(found["from"])
    if study.name != found["study"]:
        raise SettingError(f"{found['from']} holds the study {study.name} now; measured was {found['study']}")
    return study.adjusted(found["scale"], found["options"])


def judge_again(folder: str | Path) -> list[Verdict]:
    """Judges what a folder holds by the claims as they are now; nothing is measured, and what it was made with stays.

    Claims that are not as they were registered before measuring are named in the record, and so are cells that other
    code measured than the study has now. What is known to be of different code is not judged together.
    """
    folder = Path(folder)
    found = read_study(folder)
    own = own_file(found["from"])
    result = Result(recorded_study(found), found["scale"], folder, own, found["options"], loaded_files())
    verdicts, judged = result.judged(present=False)
    for key in ("changed_how", "other_code", "left_out"):
        found.pop(key, None)
    result.store.write_json("study.json", found | judged)
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
