"""Options that name places: what cannot be one is refused before anything is done."""

from pathlib import Path
from typing import Annotated

import typer


def given_place(text: str) -> Path:
    """A path from the command line. Raises `typer.BadParameter` for an empty one, and for names that are not UTF-8."""
    if not str(text).strip():
        raise typer.BadParameter("the name is empty; give a folder or a file")
    try:
        str(text).encode()
    except UnicodeEncodeError:
        raise typer.BadParameter(f"the name {text!r} is not UTF-8; choose another") from None
    return Path(text)


DataPath = Annotated[
    Path | None,
    typer.Option("--data-path", parser=given_place, help="Where the run's data are now, if they were moved."),
]
