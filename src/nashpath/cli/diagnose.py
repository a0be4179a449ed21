"""``nashpath diagnose``: did it reach an equilibrium, and if not, why not?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from nashpath.cli.console import COLOURS, With, load_all, working
from nashpath.cli.places import DataPath

if TYPE_CHECKING:
    from nashpath.run import Diagnosis

_Folder = Annotated[Path, typer.Argument(help="A run folder.")]
_Member = Annotated[list[int] | None, typer.Option("--member", min=0, help="Which members (default: the first).")]
Quick = Annotated[
    bool,
    typer.Option(
        "--quick", help="Leave out eigenvalues of networks and best responses, and play toys on for less long."
    ),
]
Seconds = Annotated[
    float | None,
    typer.Option(
        "--seconds",
        min=0,
        help="What eigenvalues of networks, and best responses, may take each (default: 45); else they are left out.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the numbers as one line of JSON.")]


def diagnose(
    run: _Folder,
    member: _Member = None,
    data_path: DataPath = None,
    own: With = None,
    quick: Quick = False,
    seconds: Seconds = None,
    as_json: Json = False,
) -> None:
    """Say in plain words whether a run reached an equilibrium, what is wrong if not, and what to do.

    Everything printed is written to RUN/diagnosis.json with the numbers behind it, and drawn in RUN/report.html.
    """
    load_all(own)
    from nashpath.report import write_report
    from nashpath.run import diagnose as diagnose_members
    from nashpath.run.errors import UndiagnosedError, UnwrittenError

    limit, failed = {} if seconds is None else {"seconds": seconds}, None
    with working("diagnosing") as say:
        try:
            found = diagnose_members(run, member or [0], quick, lambda what: say(f"{what} …"), data_path, **limit)
        except UnwrittenError as error:
            _show(error.found, as_json)
            raise
        except UndiagnosedError as error:
            found, failed = error.found, error
        _show(found, as_json)
        try:
            page = write_report(run)
        except OSError as error:
            if failed is not None:  # both are told
                typer.echo(f"error: {failed}", err=True)
            raise error from failed
    if not as_json:
        typer.echo(str(page))
    if failed is not None:
        raise failed


def _show(found: "list[Diagnosis]", as_json: bool) -> None:
    """Prints what was found: before the page is written, and also where nothing can be."""
    from nashpath.run.folder.run_folder import plain_json

    if as_json:
        typer.echo(plain_json([one.as_json() for one in found]))
        return
    console = Console(highlight=False)
    for one in found:
        _print(console, one)


def _print(console: Console, one: "Diagnosis") -> None:
    """A member's verdict: what is wrong stands out; words wrap where somebody reads, not where a file is written."""
    from nashpath.diagnostics import headline

    said, quality = headline(one.summary)
    console.print(
        Text(f"member {one.member}: {said}", style=f"bold {COLOURS[quality]}"), soft_wrap=not console.is_terminal
    )
    for at, sentence in enumerate(one.sentences):
        head, colon, rest = sentence.partition(":")
        said = Text("  - ").append(head, style="bold red" if at < len(one.wrong) else "bold").append(colon + rest)
        console.print(said, soft_wrap=not console.is_terminal)
