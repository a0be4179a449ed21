"""Places: options that name them (what cannot be one is refused before anything is done), and those of the package."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
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


def shipped(name: str) -> Path:
    """A folder that the wheel holds, ``docs`` or ``examples``: in the package, or beside the source of a checkout."""
    inside = Path(str(files("nashpath"))) / name
    return inside if inside.is_dir() else Path(__file__).parents[3] / name


def _made(folder: Path, times: int = 5) -> bool:
    """Makes a folder, and those above it; False where it is there already."""
    for left in reversed(range(times)):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.mkdir()
        except FileExistsError:
            return False
        except FileNotFoundError:  # another command has just taken the empty one above it away
            if not left:
                raise
        else:
            return True
    return False


@contextmanager
def reserved(candidates: Iterable[Path]) -> Iterator[Path]:
    """The first of these folders that is not there, made at once: of two processes that look, each gets its own.

    Left empty it is taken away again. Raises `OSError` where none can be made.
    """
    parents: list[Path] = []
    for folder in candidates:
        if not parents:
            parents = [place for place in folder.parents if not place.exists()]
        if _made(folder):
            break
    else:
        raise ValueError("no folder to choose from")
    try:
        yield folder
    finally:
        for place in (folder, *parents):
            with suppress(OSError):
                place.rmdir()


DataPath = Annotated[
    Path | None,
    typer.Option("--data-path", parser=given_place, help="Where the run's data are now, if they were moved."),
]
