"""``nashpath plan``: what a reproduction will cost, before it starts."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import monotonic as now
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nashpath.cli.console import CellBar, With, load_all
from nashpath.cli.reproduce import (
    StudyClaims,
    StudyExperiments,
    StudyFull,
    StudyJson,
    StudyOption,
    StudyPart,
    StudyQuick,
    StudyReal,
    chosen_scale,
    named_studies,
    portions_of,
    seconds_of,
    sizes_of,
)

if TYPE_CHECKING:
    from nashpath.studies.plan import CellCost

_Name = Annotated[
    str,
    typer.Argument(
        help="A study by name (none: lists them), or a file of your own that defines STUDY.",
        metavar="STUDY",
        show_default=False,
    ),
]
_Out = Annotated[
    Path | None, typer.Option("--out", help="The --out of `nashpath reproduce`, for what it has measured.")
]
_For = Annotated[str, typer.Option("--for", metavar="TIME", help="Time no further cell after 90s, 8m, 2h.")]
_Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes at once (0: one a core).")]


def plan(
    name: _Name = "",
    quick: StudyQuick = False,
    real: StudyReal = False,
    full: StudyFull = False,
    out: _Out = None,
    workers: _Workers = 0,
    settings: StudyOption = None,
    experiments: StudyExperiments = None,
    claims: StudyClaims = None,
    time: _For = "5m",
    part: StudyPart = "",
    own: With = None,
    as_json: StudyJson = False,
) -> None:
    """Time the first steps of every cell of a reproduction: how long all of it takes, and how much memory.

    The times are of uncompiled steps on one thread (or the GPU that a cell asks for), without what follows training.
    """
    named_studies([name] if name else None)
    load_all(own)
    from nashpath.run.settings.method_files import loaded_files
    from nashpath.studies import find_study
    from nashpath.studies.find import edition
    from nashpath.studies.plan import plan_cells
    from nashpath.studies.runner import Task

    scale = chosen_scale(quick, real, full)
    options = sizes_of(settings)
    study = find_study(name).adjusted(scale, options)
    (portion,) = portions_of([name], scale, experiments or [], claims or [], part)
    held = tuple((file.path, file.sha256) for file in loaded_files())
    task, count = Task(name, scale, options, edition(name), held), workers or os.cpu_count() or 1
    with CellBar(as_json, "timing first steps", seconds_of(time)) as bar:

        def show(done: int, total: int, cost: "CellCost | None") -> None:
            left = None if not done else (now() - bar.begun) / done * (total - done)
            bar.show("" if cost is None else f"{cost.experiment} {cost.cell}".strip(), done, total, left)

        folder = None if out is None else out / study.name
        costs = plan_cells(task, folder, replace(portion, seconds=seconds_of(time)), count, show)
    _print(costs, as_json)


def _print(costs: "Sequence[CellCost]", as_json: bool) -> None:
    from nashpath.report.phrasing import count, duration
    from nashpath.run.folder.run_folder import plain_json

    if as_json:
        typer.echo(plain_json({"cells": [asdict(cost) for cost in costs]}))
        return
    table = Table(title="Cost of each cell", title_justify="left")
    for column in ("experiment", "cell", "members", "steps", "time", "memory", "known from"):
        table.add_column(column, overflow="fold")
    sums: dict[str, float] = defaultdict(float)
    for cost in costs:
        size = f"{cost.memory / 2**20:,.0f} MiB" if cost.memory == cost.memory else "–"
        taken = duration(cost.seconds) if cost.known else "–"
        known = cost.known or cost.error or "not timed"
        cells = (cost.experiment, cost.cell, str(cost.members or "–"), f"{cost.steps:,}", taken, size, known)
        table.add_row(*map(escape, cells))
        sums[cost.known] += cost.seconds if cost.known else 1
    Console().print(table)
    left = sums["first steps"] + sums["whole"]
    typer.echo(f"measured: {duration(sums['measured'])}; still to come: {duration(left)} of training on one process")
    if sums[""]:
        typer.echo(f"{count(int(sums['']), 'cell')} not timed: give more time with --for, or name an --experiment")
