"""What a study will cost, measured on the first steps of each of its cells."""

import importlib
import math
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from nashpath.run.settings.method_files import loaded_files
from nashpath.studies.course import Timed, timing
from nashpath.studies.find import own_file
from nashpath.studies.result import Result
from nashpath.studies.runner import EVERYTHING, Portion, Task
from nashpath.studies.workers import held_back, lone_workers


@dataclass(frozen=True)
class CellCost:
    """The cost of one cell: training ``steps`` of ``members`` at so many ``seconds`` in all, and its peak ``memory``.

    ``known`` says where the seconds are from: ``"measured"`` (the cell is there), ``"first steps"`` (timed uncompiled,
    and without what follows training), ``"whole"`` (it trains nothing, and was run), or an empty text: not known, and
    ``error`` says why if it failed.
    """

    experiment: str
    cell: str
    steps: int
    members: int = 0
    seconds: float = math.nan
    memory: float = math.nan
    known: str = ""
    error: str = ""


def plan_cells(
    task: Task,
    folder: Path | None = None,
    portion: Portion = EVERYTHING,
    workers: int = 1,
    notify: Callable[[int, int, CellCost | None], None] = lambda done, total, cost: None,
) -> list[CellCost]:
    """The cost of every cell of a ``portion`` of a study, in order. What ``folder`` holds was measured already.

    Each cell is begun in a process of its own, and left after its first steps; none is begun after
    ``portion.seconds``, and the cost of those is not known. ``notify`` is told how many of how many are timed, and the
    last one (None before the first). Raises `SettingError`, also where the folder holds another
    reproduction.
    """
    study = task.study()
    chosen = portion.of(study, task.scale)
    there = None
    if folder is not None and (folder / "study.json").exists():
        there = Result(study, task.scale, folder, own_file(task.name), task.options, loaded_files())
    costs, waiting = list[CellCost](), list[int]()
    for place, (experiment, cell) in enumerate(chosen):
        kept = there.kept(experiment, cell) if there is not None else None
        seconds = math.nan if kept is None else float(kept["seconds"])
        steps = experiment.sizes[task.scale].steps
        cost = CellCost(experiment.name, experiment.condition(cell), steps, seconds=seconds)
        costs.append(cost if kept is None else replace(cost, known="measured"))
        waiting += [place] if kept is None else []
    notify(0, len(waiting), None)
    late = replace(task, deadline=time.time() + portion.seconds)
    with lone_workers(workers) as call:
        running: dict[Future[CellCost], int] = {}
        with held_back():
            for place in waiting:
                experiment, cell = chosen[place]
                running[call(first_steps, late, experiment.name, cell, costs[place])] = place
        for done, future in enumerate(as_completed(running), 1):
            place = running[future]
            try:
                costs[place] = future.result()
            except Exception as error:  # the process died
                costs[place] = replace(costs[place], error=f"{type(error).__name__}: {error}")
            notify(done, len(waiting), costs[place])
    return costs


def first_steps(task: Task, experiment: str, cell: int, cost: CellCost) -> CellCost:
    """``cost`` with what the cell's first steps took; as it is after the deadline."""
    if time.time() >= task.deadline:
        return cost
    chosen = next(e for e in task.study().experiments if e.name == experiment)
    size = replace(chosen.sizes[task.scale], compiled=False)
    torch.set_num_threads(1)
    begun = time.perf_counter()
    try:
        with timing():
            for _ in chosen.measure(chosen.cells[cell], size):
                pass
        found = replace(cost, seconds=time.perf_counter() - begun, known="whole")
    except Timed as timed:
        found = replace(cost, seconds=timed.seconds * size.steps, members=timed.members, known="first steps")
    except Exception as error:
        return replace(cost, error=f"{type(error).__name__}: {error}")
    return replace(found, memory=_peak())


def _peak() -> float:
    """Bytes of memory that this process needed at most: on the GPU where it used one."""
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return float(torch.cuda.max_memory_allocated())
    try:
        resource = importlib.import_module("resource")
    except ImportError:  # not on Windows
        return math.nan
    peak = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else 1024 * peak
