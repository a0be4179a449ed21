"""``nashpath export``: a trained generator as one file that works without the run."""

from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.console import With, load_all, working
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
Push = Annotated[
    str,
    typer.Option("--push", metavar="OWNER/NAME", help="Also put it on the Hugging Face Hub, into this repository."),
]
_Public = Annotated[bool, typer.Option("--public", help="A repository that --push makes is public, not private.")]
_Licence = Annotated[str, typer.Option("--licence", help="What the card says under Licence.")]


def export(
    run: _Folder,
    to: To,
    member: OneMember = 0,
    width: AverageWidth = None,
    licence: _Licence = "",
    push: Push = "",
    public: _Public = False,
    own: With = None,
) -> None:
    """Write a trained generator to a file that works without the run, and a card beside it.

    A fresh process loads the file first and makes samples: where they are not those of the run nothing is written.
    Nothing leaves this machine without --push.
    """
    files = [one.absolute() for one in own or ()]
    load_all(own)
    from nashpath.report import card_place, write_card
    from nashpath.run import export as written
    from nashpath.run.assess import hub_models
    from nashpath.run.assess.member import caution

    if public and not push:
        raise ValueError("--public is for --push; leave it out, or say --push owner/name")
    if push:
        hub_models.check_name(push)
    place = card_place(to)
    with working(f"exporting {run}, and trying the file in a fresh process"):
        told = written(run, to, member, width, licence, files)
    write_card(place, to.name, told)
    typer.echo(str(to))
    typer.echo(str(place))
    typer.echo(told["verified"], err=True)
    if said := caution(member, told["outcome"], told["steps"], told["settings"]):
        typer.echo(f"warning: {said}", err=True)
    if push:
        typer.echo(hub_models.push(to, place.read_text(encoding="utf-8"), told, push, public))
