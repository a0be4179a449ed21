"""``nashpath reproduce``: measures the claims of a paper again, and judges them."""

import itertools
import math
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from time import monotonic as now
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nashpath.cli.console import CellBar, With, check_given, load_all, repeated
from nashpath.cli.list_studies import claim_lines, experiment_lines, told_studies
from nashpath.cli.parts import On, Parts, Slurm, all_done, check_ways
from nashpath.cli.places import given_place, reserved
from nashpath.cli.stopping import stopping
from nashpath.cli.train import Quiet
from nashpath.spelling import as_argument

if TYPE_CHECKING:
    from nashpath.studies import CellProgress, Portion

_Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STUDY...",
        help="Studies by name (none: lists them), all, or a file of your own that defines STUDY.",
        show_default=False,
    ),
]
StudyQuick = Annotated[bool, typer.Option("--quick", help="Minutes, and far too short to say anything about a paper.")]
StudyReal = Annotated[bool, typer.Option("--real", help="Real data, few steps and seeds: hours on two cores.")]
StudyFull = Annotated[bool, typer.Option("--full", help="The papers' own data and networks; needs data and a GPU.")]
Out = Annotated[
    Path | None, typer.Option("--out", parser=given_place, help="Default: runs/reproduce/DATE. What it holds is kept.")
]
Workers = Annotated[int, typer.Option("--workers", min=0, help="Processes at once (0: one a core; with --full one).")]
StudyOption = Annotated[
    list[str] | None,
    typer.Option(
        "-s",
        "--set",
        metavar="KEY=VALUE",
        help="Another size: seeds=4, steps=100 (--full: device=cuda, celeba=FOLDER).",
    ),
]
StudyExperiments = Annotated[
    list[str] | None, typer.Option("--experiment", metavar="NAME", help="Only this experiment; may be repeated.")
]
StudyClaims = Annotated[
    list[str] | None, typer.Option("--claim", metavar="NAME", help="Only what this claim rests on; may be repeated.")
]
For = Annotated[
    str, typer.Option("--for", metavar="TIME", help="Pause after 90s, 8m, 2h; the same command with --out goes on.")
]
StudyPart = Annotated[
    str, typer.Option("--part", metavar="I/N", help="The I-th of N parts of the cells; `nashpath gather` joins them.")
]
StudyJson = Annotated[bool, typer.Option("--json", help="Print one line of JSON last.")]
TONES = {"supported": "green", "refuted": "red", "inconclusive": "yellow"}


def reproduce(
    names: _Names = None,
    quick: StudyQuick = False,
    real: StudyReal = False,
    full: StudyFull = False,
    out: Out = None,
    workers: Workers = 0,
    settings: StudyOption = None,
    experiments: StudyExperiments = None,
    claims: StudyClaims = None,
    time: For = "",
    part: StudyPart = "",
    on: On = "",
    parts: Parts = 0,
    sbatch: Slurm = None,
    own: With = None,
    as_json: StudyJson = False,
    quiet: Quiet = False,
) -> None:
    """Measure the claims of a paper again, and say of each whether it is supported, refuted or undecided.

    Every measured cell is kept at once, and long ones on the way: after Ctrl-C (or a crash, or the time given with
    --for) the same command with the same --out goes on, here or on another machine with the same code.
    """
    with ExitStack() as stack:
        scale = chosen_scale(quick, real, full)
        check_given(None, ("-s", settings))
        names = named_studies(names)
        load_all(own)
        from nashpath.report import write_reproduction, write_results
        from nashpath.studies import NAMES, read_study

        chosen = list(NAMES) if names == ["all"] else names
        count = workers or (1 if full else os.cpu_count() or 1)
        options = sizes_of(settings)
        of_each = _folders(chosen, scale, options)
        portions = portions_of(chosen, scale, experiments or [], claims or [], part)
        until = now() + seconds_of(time)
        if on or parts or sbatch:
            check_ways(on, sbatch or [], out, part)
            given = [*names, *([] if scale == "default" else [f"--{scale}"])]
            given += repeated(set=settings, experiment=experiments, claim=claims, **{"with": own})
            given += [f"--for={time}"] if time else []
            if not _in_parts(on, parts, workers, given, out or Path(), of_each, sbatch or [], quiet):
                return
        root = out or stack.enter_context(reserved(_dated()))
        folders = [root / name for name in of_each]
        for name, folder, portion in () if on else zip(chosen, folders, portions):
            left = replace(portion, seconds=max(0.0, until - now()))
            _one(name, scale, folder, count, options, left, quiet)
        found = [read_study(folder) for folder in folders]
        pages = [partial(write_reproduction, folder) for folder in folders]
        if len(folders) > 1:
            pages.append(partial(write_results, folders, folders[0].parent / "results.md"))
        conclude(found, pages, as_json, claims or ())


def _in_parts(
    on: str, parts: int, workers: int, given: list[str], out: Path, names: list[str], sbatch: list[str], quiet: bool
) -> bool:
    """Measures in parts, elsewhere or all at once here, and gathers them; False where there is nothing yet."""
    from nashpath.run.training.jobs import PartedJob
    from nashpath.run.training.parts import part_folder
    from nashpath.studies import gather_cells

    def say(text: str) -> None:
        if not quiet:
            typer.echo(text, err=True)

    count = parts or os.cpu_count() or 1
    job = PartedJob(out, count, (*given, f"--workers={workers or 1}"), "reproduce")
    then = [f"nashpath gather {as_argument(out / name)} {as_argument(out)}/parts/*/{name}" for name in names]
    with stopping("stopping; what was measured is kept") as stop:
        if not all_done(job, on, sbatch, then, say, stop):
            if stop():
                raise typer.Exit(130)
            return False
    for name in names:
        folders = [part_folder(out, part) / name for part in job.names]
        _, said = gather_cells(out / name, [folder for folder in folders if (folder / "study.json").exists()])
        for line in said:
            typer.echo(f"warning: {line}", err=True)
    return True


def named_studies(names: Sequence[str] | None) -> list[str]:
    """The names that were given. Raises `ValueError` that lists the studies where there are none."""
    if not names:
        from nashpath.cli.list_methods import index_of

        raise ValueError(
            f"give a study, all, or a file of your own that defines STUDY:\n\n{told_studies(index_of(None)['studies'])}"
        )
    return list(names)


def chosen_scale(quick: bool, real: bool, full: bool) -> str:
    """The scale that switches name. Raises `ValueError`."""
    if quick + real + full > 1:
        raise ValueError("--quick, --real and --full exclude each other")
    return "quick" if quick else "real" if real else "full" if full else "default"


def sizes_of(settings: Sequence[str] | None) -> dict[str, Any]:
    """What ``-s KEY=VALUE`` gives, by key. Raises `SettingError`."""
    from nashpath.run.settings.overrides import parse_assignment, parse_value

    return {key: parse_value(value) for key, value in (parse_assignment(one, "-s") for one in settings or [])}


def seconds_of(time: str) -> float:
    """``90s``, ``8m``, ``1h30m`` or a number of seconds; no text is no limit. Raises `ValueError`."""
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", time.strip())
    if found is None or (time and not any(found.groups())):
        raise ValueError(f"--for {time}: expected a time such as 90s, 8m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds if time else math.inf


_LINES = {"experiment": experiment_lines, "claim": claim_lines}


def portions_of(
    names: Sequence[str], scale: str, experiments: Sequence[str], claims: Sequence[str], part: str
) -> "list[Portion]":
    """What of each study is asked for. Raises `SettingError` for names that none of the studies has."""
    from nashpath.core import did_you_mean
    from nashpath.run import SettingError
    from nashpath.studies import Portion, find_study

    found = re.fullmatch(r"(\d+)/(\d+)", part or "1/1")
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise SettingError(f"--part {part}: expected I/N, such as 2/4 for the second of four parts")
    studies = [find_study(name) for name in names]
    for kind, asked, known in (
        ("experiment", experiments, {e.name for study in studies for e in study.experiments_at(scale)}),
        ("claim", claims, {claim.name for study in studies for claim in study.claims_at(scale)}),
    ):
        for name in asked:
            if name not in known:
                there = [f"--{kind} {name}: there is none at {scale} scale.{did_you_mean(name, sorted(known))}"]
                there += ["Those that are there:", *(line for study in studies for line in _LINES[kind](study, scale))]
                raise SettingError("\n".join(there))
    portions = []
    for study in studies:
        wanted = {e.name for e in study.experiments_at(scale) if e.name in experiments}
        wanted |= {claim.experiment for claim in study.claims_at(scale) if claim.name in claims}
        if wanted or not (experiments or claims):
            portions.append(Portion(tuple(sorted(wanted)), (int(found[1]), int(found[2]))))
        else:  # all that was named is of other studies
            portions.append(Portion((), (1, 1), 0.0))
    return portions


def _one(
    name: str, scale: str, folder: Path, workers: int, options: dict[str, Any], portion: "Portion", quiet: bool
) -> None:
    """Measures one study; a stop by the user ends the command."""
    from nashpath.studies import reproduce as measure

    with stopping("stopping; what was measured is kept") as stop, CellBar(quiet, "measuring", portion.seconds) as live:

        def show(step: "CellProgress") -> None:
            live.show(step.label, step.done, step.total, step.seconds_left)

        measure(name, scale, folder, workers, show, stop, options, portion)
        if stop():
            typer.echo(f"stopped; go on with the same command and --out {as_argument(folder.parent)}", err=True)
            raise typer.Exit(130)


def _dated() -> Iterator[Path]:
    """Folders named after this second."""
    second = Path("runs") / "reproduce" / datetime.now().strftime("%Y-%m-%dT%H%M%S")
    yield second
    for n in itertools.count(2):
        yield second.with_name(f"{second.name}-{n}")


def _folders(chosen: Sequence[str], scale: str, options: dict[str, Any]) -> list[str]:
    """Where each study's results go: a folder of its own name, all below one.

    Raises `SettingError` for what any study refuses, before the first of them is measured.
    """
    from nashpath.run import SettingError
    from nashpath.studies import find_study

    names = [find_study(name).adjusted(scale, options).name for name in chosen]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SettingError(f"{', '.join(twice)} is given twice, and would be written into one folder")
    return names


def conclude(
    found: list[dict[str, Any]], pages: Sequence[Callable[[], Path]], as_json: bool, asked: Sequence[str] = ()
) -> None:
    """Writes the pages, and prints what was found, of the claims that were ``asked`` for by name, or of all.

    What is to be said beside the verdicts is. Cells that failed are named, and end the command with status 1. Pages
    that cannot be written lose nothing of it: the first one's error is raised at last.
    """
    written, refusals = list[str](), list[OSError]()
    for write in pages:
        try:
            written.append(str(write()))
        except OSError as error:
            refusals.append(error)
    _print(found, written, as_json, asked)
    warn_of(found)
    failed = [f"{one['study']}: {label}: {error}" for one in found for label, error in one["failed"].items()]
    for line in failed:
        typer.echo(f"failed: {line}", err=True)
    for error in refusals:
        raise error
    if failed:
        raise typer.Exit(1)


def warn_of(found: list[dict[str, Any]]) -> None:
    """Prints what is to be said beside the verdicts of reproductions."""
    from nashpath.report.reproduction import warnings_of

    for one in found:
        for said in warnings_of(one):
            typer.echo(f"warning: {one['study']}: {said}", err=True)


def _print(found: list[dict[str, Any]], pages: list[str], as_json: bool, asked: Sequence[str]) -> None:
    from nashpath.report.phrasing import duration, listed
    from nashpath.report.reproduction import counts, tally
    from nashpath.run.folder.run_folder import plain_json

    if as_json:
        keys = ("study", "scale", "status", "seconds", "claims", "failed")
        typer.echo(plain_json({"studies": [{key: one[key] for key in keys} for one in found], "pages": pages}))
        return
    console = Console()
    for one in found:
        shown = _shown(one["claims"], asked)
        if shown:
            console.print(_table(one, shown))
        rest = [claim for claim in one["claims"] if claim not in shown]
        if rest:
            typer.echo(f"{one['study']}, not shown: {listed(counts(rest))}")
        told = "no verdicts at quick scale" if one["scale"] == "quick" else tally(one["claims"])
        console.print(f"{told}; {one['status']} in {duration(one['seconds'])}", highlight=False)
    for page in pages:
        typer.echo(page)


def _shown(claims: list[dict[str, Any]], asked: Sequence[str]) -> list[dict[str, Any]]:
    """The claims to show: those asked for, else all that something is known of, else all."""
    if asked:
        return [claim for claim in claims if claim["name"] in asked]
    return [claim for claim in claims if claim["verdict"] != "not measured"] or claims


def _table(found: dict[str, Any], claims: list[dict[str, Any]]) -> Table:
    from nashpath.report.reproduction import found_text

    table = Table(title=escape(f"{found['study']} ({found['scale']})"), title_justify="left")
    judged = found["scale"] != "quick"
    for column in ("verdict", "claim", "measured", "criterion")[not judged :]:
        table.add_column(column, overflow="fold")
    for claim in claims:
        word = claim["verdict"]
        verdict = [f"[{TONES.get(word, 'dim')}]{word}[/]"] if judged else []
        table.add_row(*verdict, *map(escape, (claim["says"], found_text(claim), claim["criterion"])))
    return table
