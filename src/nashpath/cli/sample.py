"""``nashpath sample``: draw from a trained generator."""

import csv
import warnings
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from nashpath.cli.console import LARGEST_SEED, LARGEST_SIZE, With, load_all, working
from nashpath.cli.places import DataPath, given_place

_Folder = Annotated[Path, typer.Argument(help="A run folder.")]
_Count = Annotated[int, typer.Option("-n", "--count", min=1, max=LARGEST_SIZE, help="How many samples.")]
Out = Annotated[
    Path, typer.Option("--out", parser=given_place, help="A picture (.png), numbers (.npz) or a table (.csv, .tsv).")
]
OneMember = Annotated[int, typer.Option("--member", min=0, help="Which member of the run.")]
_Cut = Annotated[
    float | None, typer.Option("--truncation", min=1e-3, help="Draw every latent inside ± this many deviations.")
]
AverageWidth = Annotated[
    float | None, typer.Option("--width", help="Width of the average of a run with average=post_hoc, of its steps.")
]
_Class = Annotated[
    str | None, typer.Option("--class", help="Samples of this class, by name or number (game=conditional).")
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed of the latents.")]


def sample(
    run: _Folder,
    count: _Count = 64,
    out: Out = Path("sheet.png"),
    member: OneMember = 0,
    seed: Seed = 0,
    label: _Class = None,
    truncation: _Cut = None,
    width: AverageWidth = None,
    data_path: DataPath = None,
    own: With = None,
) -> None:
    """Draw samples from a trained generator into a picture, an array file or a table."""
    ending = out.suffix.lower()
    if ending not in (".png", ".npz", ".csv", ".tsv"):
        raise ValueError(f"--out {out}: write a picture (.png), an array file (.npz) or a table (.csv, .tsv)")
    load_all(own)
    from nashpath.data.cells import TABLES
    from nashpath.run.folder.outputs import check_output

    check_output(out)
    import numpy as np

    from nashpath.games.techniques import truncation as truncated
    from nashpath.run import FolderWarning, load
    from nashpath.run.assess.member import caution
    from nashpath.run.settings.sizes import check_fits

    loaded = load(run, member, data_path=data_path, width=width)
    if loaded.game.has_samples:
        check_fits("--count", count, loaded.game.data.shape)  # type: ignore[union-attr, arg-type]
    last = None
    if loaded.averaged and ending not in TABLES:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FolderWarning)  # it was said above
            last = load(run, member, averaged=False, data_path=data_path)
    if truncation is not None:
        for one in (loaded, last) if last is not None else (loaded,):
            truncated(one.game, truncation)
    with working(f"drawing {count:,} samples"):
        found = loaded.sample(count, seed, label).numpy()
        raw = last.sample(count, seed, label).numpy() if last is not None else None
        labels = loaded.labels(count, seed) if label is None else np.full(count, loaded.class_number(label))
        _write(out, loaded, found, raw, labels)
    typer.echo(str(out))
    if said := caution(member, loaded.outcome, loaded.steps, {"steps": loaded.settings.steps}):
        typer.echo(f"warning: {said}", err=True)
    if raw is not None:
        typer.echo("averaged weights; beside them the raw ones of the last step", err=True)


def _write(out: Path, loaded: Any, found: Any, raw: Any, labels: Any) -> None:
    """Samples as the ending of ``out`` says; beside them, where there are such, the ``raw`` ones and their labels."""
    import numpy as np

    from nashpath.core.cache import replacing
    from nashpath.data.cells import TABLES
    from nashpath.report import write_sheet

    ending = out.suffix.lower()
    if ending == ".npz":
        beside: dict[str, Any] = {} if raw is None else {"raw": raw}
        beside |= {} if labels is None else {"labels": np.asarray(labels)}
        with replacing(out) as file:
            np.savez_compressed(file, samples=found, **beside)
    elif ending in TABLES:
        _write_table(out, loaded, found, labels)
    else:
        write_sheet(found, out, raw=raw)


def _write_table(out: Path, loaded: Any, samples: Any, labels: Any) -> None:
    """Samples as rows; between the cells of a .csv file stands what does in that of the run."""
    import torch

    from nashpath.core.cache import replacing
    from nashpath.data.cells import DELIMITERS

    names, rows = loaded.table(torch.from_numpy(samples), None if labels is None else torch.as_tensor(labels))
    own = getattr(getattr(loaded.settings, "data", None), "delimiter", "comma")
    mark = DELIMITERS["tab" if out.suffix.lower() == ".tsv" else own]
    text = StringIO(newline="")
    csv.writer(text, delimiter=mark).writerows([names, *rows])
    with replacing(out) as file:
        file.write(text.getvalue().encode())
