"""Expected errors end in one message and exit status 2, not in a traceback."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from nashpath.run import MethodsWarning


@contextmanager
def user_errors() -> Iterator[None]:
    """Within this block, errors and warnings that tell a person what to do are printed plainly."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("always", MethodsWarning)
            warnings.showwarning = _plainly(warnings.showwarning)
            yield
    except BrokenPipeError:
        raise typer.Exit(1) from None  # the reader of our output left; there is nobody to tell
    except (ValueError, OSError, ImportError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error


def _plainly(otherwise: Any) -> Any:
    """Shows warnings about methods in one line, and others as they were shown."""

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, MethodsWarning):
            typer.echo(f"warning: {message}", err=True)
        else:
            otherwise(message, category, *where, **more)

    return show
