"""``nashpath export``: a trained generator as one file that works without the run."""

from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.console import With, load_all, user_errors
from nashpath.cli.places import given_place
from nashpath.cli.sample import AverageWidth, OneMember

_Folder = Annotated[Path, typer.Argument(help="A run folder.")]
To = Annotated[
    Path,
    typer.Option(
        "--to",
        parser=given_place,
        help="The file: .safetensors (for nashpath), .pt2 (for PyTorch alone) or .onnx (for ONNX Runtime).",
    ),
]
_Licence = Annotated[str, typer.Option("--licence", help="What the card says under Licence.")]


def export(
    run: _Folder,
    to: To,
    member: OneMember = 0,
    width: AverageWidth = None,
    licence: _Licence = "",
    own: With = None,
) -> None:
    """Write a trained generator to a file that works without the run, and a card beside it.

    A fresh process loads the file first and makes samples: where they are not those of the run nothing is written.
    """
    with user_errors():
        files = [one.absolute() for one in own or ()]
        load_all(own)
        from nashpath.report import card_place, write_card
        from nashpath.run import export as written

        place = card_place(to)
        told = written(run, to, member, width, licence, files)
        write_card(place, to.name, told)
        typer.echo(str(to))
        typer.echo(str(place))
        typer.echo(told["verified"], err=True)
