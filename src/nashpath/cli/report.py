"""``nashpath report``: rebuild the page of a run, or compare several."""

from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.console import With, load_all, working
from nashpath.cli.places import given_place
from nashpath.cli.reproduce import warn_of

Runs = Annotated[
    list[Path],
    typer.Argument(help="Folders of runs, or of reproductions; two or more are compared. Or that of a search."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", parser=given_place, help="Where a comparison of several goes (.html), or results (.md)."),
]

Again = Annotated[
    bool, typer.Option("--judge-again", help="Judge reproductions by their study's claims as they are now.")
]


def report(runs: Runs, out: Out = None, again: Again = False, own: With = None) -> None:
    """Rebuild the page of a run or a search, or compare several runs on one page; the same for reproductions.

    Where settings of runs differ, prints first what each reached for the same gradients, and in the same time.
    """
    load_all(own)
    from nashpath.report import is_reproduction
    from nashpath.run import RunFolder, SettingError
    from nashpath.studies import judge_again, read_study

    studies = [folder for folder in runs if is_reproduction(folder)]
    if studies and studies != runs:
        raise SettingError("some of these folders are runs and some are reproductions; give one kind at a time")
    if out is not None:
        _check_out(out, runs, ".md" if studies else ".html")
    for folder in studies:
        RunFolder(folder).warn_if_unchecked()
        if again:
            judge_again(folder)
            warn_of([read_study(folder)])
    with working("writing the report"):
        page = _of_studies(studies, out) if studies else _of_runs(runs, out)
    typer.echo(page)


def _check_out(out: Path, folders: list[Path], ending: str) -> None:
    """Raises `SettingError` for a place that would not be used, or would hold something else than its name says."""
    from nashpath.run import SettingError
    from nashpath.run.folder.run_folder import is_search

    if len(folders) == 1:
        page = folders[0] / ("search.html" if is_search(folders[0]) else "report.html")
        raise SettingError(f"--out {out} is for a page about several; that of one is always {page}: leave it out")
    if out.suffix.lower() != ending:
        raise SettingError(f"--out {out}: what is written is {ending}; name it {out.with_suffix(ending)}")


def _of_studies(folders: list[Path], out: Path | None) -> Path:
    from nashpath.report import write_reproduction, write_results

    if len(folders) == 1:
        return write_reproduction(folders[0])
    return write_results(folders, out or Path("results.md"))


def _of_runs(runs: list[Path], out: Path | None) -> Path:
    from nashpath.report import compare_reports, equal_cost_text, write_report, write_search
    from nashpath.run import RunFolder
    from nashpath.run.assess.search import read_search
    from nashpath.run.folder.run_folder import is_search

    if len(runs) == 1 and is_search(runs[0]):
        return write_search(runs[0], read_search(runs[0]))[0]
    table = equal_cost_text(runs)  # which refuses what is no run
    for run in runs:
        RunFolder(run).warn_if_unchecked()
    if table:
        typer.echo(table + "\n")
    return write_report(runs[0]) if len(runs) == 1 else compare_reports(runs, out or Path("comparison.html"))
