"""``nashpath diagnose``: did it reach an equilibrium, and if not, why not?"""

from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.errors import friendly
from nashpath.run import plain_json
from nashpath.run.diagnose import diagnose as look

Folder = Annotated[Path, typer.Argument(help="A run folder.")]
Member = Annotated[list[int] | None, typer.Option("--member", min=0, help="Which members (default: the first).")]
Json = Annotated[bool, typer.Option("--json", help="Print the numbers as one line of JSON.")]


def diagnose(run: Folder, member: Member = None, as_json: Json = False) -> None:
    """Say in plain words whether a run reached an equilibrium, what is wrong if not, and what to do.

    Everything printed is written to RUN/diagnosis.json with the numbers behind it.
    """
    with friendly():
        found = look(run, member or [0])
    if as_json:
        typer.echo(plain_json([one.as_json() for one in found]))
        return
    for one in found:
        typer.secho(f"member {one.member}: {one.symptoms.kind}", bold=True)
        for sentence in one.sentences:
            typer.echo(f"  - {sentence}")
    typer.echo(str(run / "diagnosis.json"))
