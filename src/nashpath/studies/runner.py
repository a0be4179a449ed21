"""Runs a study: each cell of each experiment is a job; worker processes take them, and every cell is kept at once."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from nashpath.metrics.features.inception import check_weights, kept_file
from nashpath.run import SettingError, load_methods
from nashpath.run.engine.interrupt import Interrupted, interruptible
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.run_folder import RunFolder, plain_json
from nashpath.run.settings.method_files import loaded_files
from nashpath.studies.claim import Verdict
from nashpath.studies.course import Paused, Rewound, forget, keeping
from nashpath.studies.find import edition, find_study, own_file
from nashpath.studies.result import THREADS, Result
from nashpath.studies.rows import Row
from nashpath.studies.study import Experiment, Study
from nashpath.studies.workers import held_back, worker_pool


@dataclass(frozen=True)
class CellProgress:
    """Progress of a reproduction: cells done of all, the cell just measured, and an estimate of what is left.

    Before the first cell is measured the label is empty, and what is left is not known.
    """

    done: int
    total: int
    label: str
    seconds_left: float | None


@dataclass(frozen=True)
class Portion:
    """What of a study to measure now: all, unless it says less.

    ``experiments`` by name (empty: every one), the ``part`` (i, n) of their cells (every n-th, from the i-th on,
    counted from 1), and no longer than ``seconds``: then cells pause, and are gone on with at the next call.
    """

    experiments: tuple[str, ...] = ()
    part: tuple[int, int] = (1, 1)
    seconds: float = math.inf

    def of(self, study: Study, scale: str) -> list[tuple[Experiment, int]]:
        """The cells of a study that are to be measured, in order. Raises `SettingError` for an unknown experiment."""
        cells, (index, parts) = study.cells_at(scale), self.part
        unknown = set(self.experiments) - {experiment.name for experiment, _ in cells}
        if unknown:
            raise SettingError(f"{study.name} has no experiment {', '.join(sorted(unknown))} at {scale} scale")
        return [(e, k) for e, k in cells[index - 1 :: parts] if not self.experiments or e.name in self.experiments]


EVERYTHING = Portion()


@dataclass(frozen=True)
class Task:
    """A worker's task: a study, its scale and its other sizes."""

    name: str
    scale: str
    options: dict[str, Any]
    edition: str
    """The study's own file as it was when the task was made."""
    files: tuple[tuple[Path, str], ...] = ()
    """Files that register methods, each with the hash of what it holds; a worker executes them, too."""
    deadline: float = math.inf
    """When cells are to pause, in seconds since the epoch."""

    def study(self) -> Study:
        """The study with its sizes, after the files of methods.

        Raises `SettingError`, also if the study's own file was edited since the task was made.
        """
        for path, held in self.files:
            load_methods(path, held)
        if edition(self.name) != self.edition:
            raise SettingError(f"{self.name} was edited while it was measured; run again")
        return find_study(self.name).adjusted(self.scale, self.options)


@dataclass(frozen=True)
class Job:
    """One cell to measure."""

    experiment: Experiment
    cell: int
    begun: Path
    """The folder in which the cell keeps how far it came."""
    source: str

    @property
    def asked(self) -> tuple[str, int, Path, str]:
        """What a process is told of the job: plain values, since a study's functions need not be picklable."""
        return self.experiment.name, self.cell, self.begun, self.source

    @property
    def label(self) -> str:
        """The job in words."""
        return f"{self.experiment.name} {self.experiment.condition(self.cell)}".strip()


def reproduce(
    name: str,
    scale: str,
    folder: str | Path,
    workers: int = 1,
    notify: Callable[[CellProgress], None] = lambda step: None,
    stop: Callable[[], bool] = lambda: False,
    options: Mapping[str, Any] | None = None,
    portion: Portion = EVERYTHING,
) -> list[Verdict]:
    """Runs the study called ``name`` (or in the file ``name``) at ``scale`` in ``folder``, and judges its claims.

    Only a ``portion`` of it is measured, if asked for; claims that rest on other cells are then not measured yet.

    ``options`` are other sizes than the study's own (see `Study.adjusted`). Methods of one's own are those of files
    that were loaded before (`load_methods`); workers load them, too.

    Cells that the folder already holds, measured by the same source, are not measured again. A cell that fails is
    written down with its error, and the claims that rest on it are not judged. With one worker all is run in this
    process.

    Raises `SettingError`, `FolderError` where another process measures there, and `FeaturesError` where
    Inception's weights will be needed and are missing.
    """
    folder = Path(folder)
    files = loaded_files()
    held = tuple((file.path, file.sha256) for file in files)
    deadline = time.time() + portion.seconds
    task = Task(name, scale, dict(options or {}), edition(name), held, deadline)
    study, own = task.study(), own_file(name)
    store = RunFolder(folder)
    if not ((folder / "study.json").exists() or store.digests.kept()):
        check_new(folder)
    elif (folder / "study.json").exists():
        store.warn_if_unchecked()
    store.claim()
    try:
        result = Result(study, scale, folder, own, task.options, files, store)
        result.check_methods()
        return _measure_all(task, study, result, portion, workers, notify, stop)
    finally:
        store.release()


def _measure_all(
    task: Task,
    study: Study,
    result: Result,
    portion: Portion,
    workers: int,
    notify: Callable[[CellProgress], None],
    stop: Callable[[], bool],
) -> list[Verdict]:
    """Measures the cells of the portion that are missing, and judges."""
    scale, begun, failed = task.scale, time.perf_counter(), {}
    chosen = [Job(e, k, *result.way(e, k)) for e, k in portion.of(study, scale)]
    waiting = [job for job in chosen if not result.has(job.experiment, job.cell)]
    if any(job.experiment.sizes[scale].options.get("features") == "inception" for job in waiting):
        check_weights(kept_file())  # now, not after days of training
    result.write("running", workers, 0.0, {})
    done = len(chosen) - len(waiting)
    notify(CellProgress(done, len(chosen), "", None))
    for job, rows, seconds, error in _measured(task, waiting, workers, stop):
        if error:
            failed[job.label] = error
        else:
            result.keep(job.experiment, job.cell, rows, seconds)
            forget(job.begun)
        done += 1
        spent, new = time.perf_counter() - begun, done - len(chosen) + len(waiting)
        notify(CellProgress(done, len(chosen), f"{study.name}: {job.label}", spent / new * (len(chosen) - done)))
    status = "failed" if failed else "finished" if result.whole else "partial" if done == len(chosen) else "stopped"
    return result.write(status, workers, time.perf_counter() - begun, failed)


Measured = tuple[Job, list[Row], float, str]
_Outcome = tuple[list[Row] | None, float, str]
"""A cell's rows (None where it paused), its seconds, and what went wrong (or an empty text)."""


def _measured(task: Task, jobs: list[Job], workers: int, stop: Callable[[], bool]) -> Iterator[Measured]:
    """Each job with its rows, its seconds and its error (or an empty text), as they are done; may `stop` early.

    Jobs that paused, or did not begin before the deadline, are left out.
    """
    if workers == 1:
        for job in jobs:
            if stop():
                return
            try:
                with interruptible(stop):  # what a cell does beside training is done anew as a whole
                    rows, seconds, error = measure_cell(task, *job.asked)
            except Interrupted:
                return
            if rows is not None:
                yield job, rows, seconds, error
        return
    with worker_pool(min(workers, len(jobs) or 1), stop) as pool:
        if stop():
            return
        with held_back():
            running: dict[Future, Job] = {pool.submit(measure_cell, task, *job.asked): job for job in jobs}
        while running and not stop():
            finished, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in finished:
                job, (rows, seconds, error) = running.pop(future), _outcome(future)
                if rows is not None:
                    yield job, rows, seconds, error


def _outcome(future: Future) -> _Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        return [], 0.0, "the worker died (out of memory?); run again with fewer --workers"


def measure_cell(task: Task, experiment: str, cell: int, begun: Path, source: str) -> _Outcome:
    """Measures one cell on one thread; it goes on where it paused (`begun`), and pauses at the task's deadline."""

    def late() -> bool:
        return time.time() >= task.deadline

    if late():
        return None, 0.0, ""
    chosen = next(e for e in task.study().experiments if e.name == experiment)
    threads, rows, failed = torch.get_num_threads(), [], ""
    with suppress(Rewound), keeping(begun, source, late) as kept:
        torch.set_num_threads(THREADS)
        try:
            found = list(chosen.measure(chosen.cells[cell], chosen.sizes[task.scale]))
            plain_json(found)  # rows that are no plain values fail here, as this cell's error
            rows = found
        except Paused:
            rows = None
        except Exception as error:
            failed = f"{type(error).__name__}: {error}"
        finally:
            torch.set_num_threads(threads)
        return rows, kept.seconds, failed
    forget(begun)  # it reads on the way what was not kept
    return measure_cell(task, experiment, cell, begun, source)
