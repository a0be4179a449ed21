"""Expected errors end in one message and exit status 2, not in a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def user_errors() -> Iterator[None]:
    """Within this block, errors that tell a person what to do are printed plainly."""
    try:
        yield
    except BrokenPipeError:
        raise typer.Exit(1) from None  # the reader of our output left; there is nobody to tell
    except (ValueError, OSError, ImportError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
