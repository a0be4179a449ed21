"""``--with FILE.py``: methods of one's own for one command."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from nashpath.run import load_methods
from nashpath.run.settings.method_files import MethodFile, load_installed

With = Annotated[
    list[Path] | None,
    typer.Option(
        "--with", metavar="FILE.py", help="First execute a file that registers methods of your own; may be repeated."
    ),
]


def load_all(files: Sequence[Path] | None) -> list[MethodFile]:
    """The methods of installed packages and of these files, from now on in the tables. Raises `SettingError`."""
    load_installed()
    return [load_methods(file) for file in files or ()]
