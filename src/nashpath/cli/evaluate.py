"""``nashpath evaluate``: how good are the samples, and by which protocol is that said?"""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nashpath.cli.console import LARGEST_SEED, LARGEST_SIZE, With, load_all, repeated, working
from nashpath.cli.parts import On, Parts, Slurm, all_done, check_ways, many_parts
from nashpath.cli.places import DataPath, given_place
from nashpath.cli.stopping import stopping
from nashpath.cli.train import Quiet
from nashpath.spelling import as_argument

_Folder = Annotated[Path | None, typer.Argument(help="A run folder.", show_default=False)]
Real = Annotated[
    Path | None, typer.Option("--real", help="Real samples: a folder of images, an .npy, .npz, .csv or .tsv file.")
]
Fake = Annotated[Path | None, typer.Option("--fake", help="Generated images, likewise.")]
Metrics = Annotated[
    str, typer.Option("--metrics", help="Names with commas between them (default: what fits the data).")
]
Features = Annotated[str, typer.Option("--features", help="auto, digits, inception, pixels, or a .pt2 or .pth file.")]
_Member = Annotated[list[str] | None, typer.Option("--member", help="Which members; may be repeated (default: all).")]
_Count = Annotated[
    int,
    typer.Option("--samples", min=0, max=LARGEST_SIZE, help="Generated samples (0: 10,000 of a run, all of --fake)."),
]
Most = Annotated[
    int, typer.Option("--real-samples", min=0, max=LARGEST_SIZE, help="Real samples at most (0: as many as are usual).")
]
_Split = Annotated[str, typer.Option("--split", help="Real samples of this split (default: the one trained on).")]
Seed = Annotated[
    int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of the latents and of random metrics.")
]
Side = Annotated[int | None, typer.Option("--size", min=4, help="Scale images in folders to so many pixels.")]
Device = Annotated[str, typer.Option("--device", help="Where to sample and compute features.")]
Out = Annotated[
    Path | None, typer.Option("--out", parser=given_place, help="The file to write (default: RUN/evaluation.json).")
]
_Part = Annotated[str, typer.Option("--part", metavar="I/N", help="Measure the I-th of N parts of the members.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one line of JSON.")]


def evaluate(
    run: _Folder = None,
    real: Real = None,
    fake: Fake = None,
    metrics: Metrics = "",
    features: Features = "auto",
    member: _Member = None,
    samples: _Count = 0,
    real_samples: Most = 0,
    split: _Split = "",
    seed: Seed = 0,
    size: Side = None,
    device: Device = "cpu",
    out: Out = None,
    data_path: DataPath = None,
    own: With = None,
    part: _Part = "",
    on: On = "",
    parts: Parts = 0,
    sbatch: Slurm = None,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Measure the samples of a run at its last checkpoint, or images made elsewhere, against real ones.

    Prints each number with its protocol (over members that differ by their seeds alone also the mean with a 95 %
    interval), and writes the run's report again. For example: nashpath evaluate runs/digits --metrics
    fid,prdc; or: nashpath evaluate --real photos --fake generated --features pixels
    """
    with ExitStack() as stack:
        if run is None and (real is None or fake is None):
            raise ValueError("give a run folder, or both --real and --fake")
        if run is not None:
            _refuse("is for samples made elsewhere; leave it out, or the run", fake=fake, size=size)
            if real:
                _refuse("is for the data that the run was trained on; leave it out, or --real", split=split)
                _refuse("takes the run's own data; leave it out, or --real", part=part, on=on)
        else:
            _refuse("is for runs; leave it out", member=member, split=split, data_path=data_path, part=part, on=on)
        members = _members(member)
        load_all(own)
        from nashpath.report import write_report
        from nashpath.run import EvaluationOptions, evaluate_images, evaluate_part, evaluate_run
        from nashpath.run.errors import UnwrittenError

        names = tuple(name.strip() for name in metrics.split(",") if name.strip())
        wish = EvaluationOptions(names, features, samples, real_samples, seed, device)
        say = stack.enter_context(working("evaluating", quiet))
        if run is not None and (part or on or parts or sbatch):
            _refuse("is for all members at once; leave it out with --part and --on", member=member, out=out)
            if part and not (on or parts or sbatch):
                typer.echo(str(evaluate_part(run, part, wish, split, say, data_path)))
                return
            check_ways(on, sbatch or [], run, part)
            given = [str(run.absolute()), f"--metrics={metrics}", f"--features={features}", f"--samples={samples}"]
            given += [f"--real-samples={real_samples}", f"--split={split}", f"--seed={seed}", f"--device={device}"]
            given += repeated(**{"data-path": [data_path] if data_path else [], "with": own})
            measure = partial(_in_parts, on, parts, run, given, sbatch or [], say, data_path)
        elif run is not None:
            measure = partial(evaluate_run, run, wish, members, split, out, say, data_path, real)
        else:
            measure = partial(evaluate_images, real, fake, wish, size, out, say)  # type: ignore[arg-type]
        try:
            found = measure()
        except UnwrittenError as error:
            _show(error.found, as_json)
            raise
        if found is None:
            return
        _show(found, as_json)
        written = write_report(run) if run and not out else out
        if written and not as_json:
            typer.echo(str(written))


def _show(found: dict[str, Any], as_json: bool) -> None:
    """Prints what was measured: before the page is written, and also where nothing can be."""
    from nashpath.run.folder.run_folder import plain_json

    if as_json:
        typer.echo(plain_json(found))
        return
    for group in found["groups"]:
        _print(group)


def _in_parts(
    on: str,
    parts: int,
    run: Path,
    given: list[str],
    sbatch: list[str],
    say: Callable[[str], None],
    data_path: Path | None,
) -> dict[str, Any] | None:
    """Measures all parts at once, and joins them; None where there is nothing yet."""
    from nashpath.run.assess.evaluate_parts import evaluating, evaluation_folder, joined_evaluation
    from nashpath.run.folder.checkpoint import planned
    from nashpath.run.training.jobs import PartedJob

    whole, count = evaluation_folder(run), many_parts(parts, len(planned(run, data_path)))
    job = PartedJob(whole, count, tuple(given), "evaluate")
    with evaluating(run), stopping("stopping; parts that were measured are kept") as stop:
        if not all_done(job, on, sbatch, [f"nashpath gather {as_argument(whole)}"], say, stop):
            if stop():
                raise typer.Exit(130)
            return None
        return joined_evaluation(run, count, data_path)


def _refuse(why: str, **given: Any) -> None:
    """Raises `ValueError` for the first option that was given and cannot be."""
    for name, value in given.items():
        if value:
            raise ValueError(f"--{name.replace('_', '-')} {why}")


def _members(texts: list[str] | None) -> list[int] | None:
    """The members asked for; None for all."""
    if not texts or texts == ["all"]:
        return None
    try:
        return list(dict.fromkeys(int(text) for text in texts))  # a member twice would narrow the interval
    except ValueError:
        raise ValueError(f"--member {' '.join(texts)}: expected a number, or all") from None


def _print(group: dict[str, Any]) -> None:
    """A line for each member and number, and below them how all were measured."""
    from nashpath.report.phrasing import number, settings_label
    from nashpath.report.tables import directed, ends_of, is_of_class, lines_of_diverged, protocol_lines

    console, several = Console(highlight=False), len(group["members"]) > 1
    columns = ["Number", "Member", "Value", "95 % interval"] if several else ["Number", "Value", "Real halves"]
    label = settings_label(group["settings"])
    table = Table(*columns, box=SIMPLE, title=escape(label))
    whole = [entry for entry in group["numbers"] if not is_of_class(entry["name"])]
    for entry in whole:
        for member, value in zip(group["members"] or [0], entry["values"]):
            beside = [] if several else [number(entry.get("real"))]
            table.add_row(escape(directed(entry)), *([str(member)] if several else []), number(value), *beside)
        if several:
            table.add_row(escape(directed(entry)), "mean", number(entry["mean"]), ends_of(entry) or "–")
            table.add_row(escape(directed(entry)), "real halves", number(entry.get("real")))
    if whole:
        console.print(table)
    else:
        console.print(f"{label or 'the run'}: no member has samples to measure", markup=False)
    if len(whole) < len(group["numbers"]):
        console.print("the numbers of each class are in evaluation.json and in the report", markup=False)
    for line in protocol_lines(group):
        console.print(line, markup=False, soft_wrap=True)
    for member, reason in group["failed"].items():
        console.print(f"member {member}: {reason}", markup=False, soft_wrap=True)
    for line in lines_of_diverged(group):
        console.print(line, markup=False, soft_wrap=True)
