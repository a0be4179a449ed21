"""``nashpath examples``: settings files, programs and a notebook, installed with the package to read or start from."""

import difflib
import json
from pathlib import Path
from typing import Annotated

import typer

from nashpath.cli.places import given_place, shipped

ENDINGS = (".toml", ".py", ".ipynb")

Name = Annotated[
    str | None, typer.Argument(help="One example (ring), to print or to copy; without it, all.", show_default=False)
]
To = Annotated[
    Path | None,
    typer.Option("--to", metavar="FOLDER", parser=given_place, help="Copy into this folder; no file is overwritten."),
]


def examples(name: Name = None, to: To = None) -> None:
    """Show the example files that are installed with the package, print one, or copy them into a folder."""
    known = {file.stem: file for file in sorted(shipped("examples").iterdir()) if file.suffix in ENDINGS}
    chosen = known if name is None else {name: _named(name, known)}
    if to is not None:
        copy(list(chosen.values()), to)
    elif name is not None:
        typer.echo(chosen[name].read_text(encoding="utf-8"), nl=False)
    else:
        width = max(len(file.name) for file in known.values())
        for file in known.values():
            typer.echo(f"{file.name:<{width}}  {_first_line(file)}")
        typer.echo("\nnashpath examples ring prints one; nashpath examples --to examples copies all of them.")


def copy(files: list[Path], folder: Path) -> None:
    """Copies files into a folder, which is made, and says where they are. Raises `ValueError` where one is there."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; name a folder")
    there = [file.name for file in files if (folder / file.name).exists()]
    if there:
        raise ValueError(f"{folder} has {', '.join(there)} already; nothing was copied. Name another folder")
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        copied = (folder / file.name).open("x", encoding="utf-8")
        try:
            with copied:
                copied.write(file.read_text(encoding="utf-8"))
        except OSError:  # a part of it would be in the way of the same command
            (folder / file.name).unlink()
            raise
        typer.echo(folder / file.name)


def _named(name: str, known: dict[str, Path]) -> Path:
    stem = Path(name).stem if Path(name).suffix in ENDINGS else name
    if stem in known:
        return known[stem]
    near = difflib.get_close_matches(stem, known, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}"
    raise ValueError(f"no example is called {name!r}. {hint}")


def _first_line(file: Path) -> str:
    """What an example says of itself first: the comment, the docstring or the heading that it begins with."""
    text = file.read_text(encoding="utf-8")
    first = json.loads(text)["cells"][0]["source"][0] if file.suffix == ".ipynb" else text.splitlines()[0]
    return first.strip('#" \n')
