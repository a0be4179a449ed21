"""``nashpath gather``: joins what was measured in several folders."""

from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.console import With, load_all, user_errors
from nashpath.cli.places import given_place
from nashpath.cli.reproduce import Json, conclude

_Out = Annotated[Path, typer.Argument(help="The folder to gather into; it may be new.", parser=given_place)]
_Folders = Annotated[list[Path], typer.Argument(help="Folders of one study: parts, wherever they were measured.")]


def gather(out: _Out, folders: _Folders, own: With = None, as_json: Json = False) -> None:
    """Join parts of a reproduction that were measured elsewhere (--part, --experiment, --for), and judge.

    Each folder is that of one study, as `nashpath reproduce` writes it below its --out.
    """
    with user_errors():
        load_all(own)
        from nashpath.report import write_reproduction
        from nashpath.studies import gather as join
        from nashpath.studies import read_study

        _, said = join(out, folders)
        for line in said:
            typer.echo(f"warning: {line}", err=True)
        conclude([read_study(out)], [str(write_reproduction(out))], as_json)
