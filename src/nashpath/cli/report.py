"""``nashpath report``: rebuild the page of a run, or compare several."""

from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.errors import friendly
from nashpath.report import (
    compare_reports,
    equal_cost_text,
    is_reproduction,
    write_report,
    write_reproduction,
)

Runs = Annotated[list[Path], typer.Argument(help="Run folders (two or more are compared), or one reproduction.")]
Out = Annotated[Path, typer.Option("--out", help="Where the comparison goes.")]


def report(runs: Runs, out: Out = Path("comparison.html")) -> None:
    """Rebuild a run's report, or compare several runs on one page.

    Where settings differ, prints first what each reached for the same gradient evaluations, and in the same time.
    """
    with friendly():
        if len(runs) == 1 and is_reproduction(runs[0]):
            typer.echo(str(write_reproduction(runs[0])))
            return
        table = equal_cost_text(runs)
        if table:
            typer.echo(table + "\n")
        typer.echo(str(write_report(runs[0]) if len(runs) == 1 else compare_reports(runs, out)))
