"""What Ctrl-C does to a command: it ends after a step, or, while a page is written, at once."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from nashpath.cli.console import COLOURS, ProgressBar
from nashpath.spelling import as_argument

if TYPE_CHECKING:
    from nashpath.report import Outcome
    from nashpath.run.errors import UnwrittenError

LONG = 5_000_000
"""Bytes of metrics from which on a report takes more than about two seconds."""


@contextmanager
def stopping(message: str = "stopping after this step") -> Iterator[Any]:
    """A stop signal that Ctrl-C (or a termination request) raises; a second Ctrl-C interrupts at once."""
    asked: list[int] = []

    def ask(number: int, frame: Any) -> None:
        asked.append(number)
        print(f"\n{message}; Ctrl-C again quits at once", file=sys.stderr, flush=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    with _answered_by(ask):
        yield lambda: bool(asked)


@contextmanager
def _answered_by(handler: Callable[[int, Any], Any]) -> Iterator[None]:
    """Within this block Ctrl-C and a termination request are answered by ``handler``."""
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)


class Page(NamedTuple):
    """What became of a run, and its page; None where that could not be written, with the error to raise at last."""

    path: Path | None
    found: "Outcome"
    unwritten: "UnwrittenError | None" = None

    def told(self, live: ProgressBar) -> None:
        """Prints what became of the run, and where its page is. Raises `UnwrittenError` where it is nowhere."""
        live.tell(self.found.text, COLOURS[self.found.tone])
        if self.path is not None:
            typer.echo(str(self.path))
        self.check()

    def check(self) -> None:
        """Raises `UnwrittenError` where the page could not be written: what was found is printed before."""
        if self.unwritten is not None:
            raise self.unwritten


def written_page(run: Path, live: ProgressBar) -> Page:
    """Writes the page of a run. A stop is heard at once: the run is whole without it. Says what takes long."""
    from nashpath.report import report_and_headline
    from nashpath.run.errors import UnwrittenError

    rows = run / "metrics.jsonl"
    if rows.exists() and rows.stat().st_size > LONG:
        live.say("writing the report")
    try:
        with _answered_by(signal.default_int_handler):
            return Page(*report_and_headline(run))
    except UnwrittenError as error:
        return Page(None, error.found, error)
    except KeyboardInterrupt:
        typer.echo(
            f"stopped; the run is whole, and its page is written by: nashpath report {as_argument(run)}", err=True
        )
        raise typer.Exit(130) from None
