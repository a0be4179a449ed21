"""What every verb needs: the rooms when it is called, expected errors in one message, live progress.

No file of this room imports at its top what imports PyTorch, which takes seconds: help, and what is wrong with the
command line itself, are said at once.
"""

import math
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from nashpath.cli.faults import told_with_status
from nashpath.cli.places import shipped
from nashpath.spelling import as_argument

if TYPE_CHECKING:
    from nashpath.run import RunProgress
    from nashpath.run.settings.method_files import MethodFile

QUIET_SECONDS = 10.0
COLOURS = {"good": "green", "bad": "red", "open": "yellow"}
"""The colour of a headline, by how good what became of the game is."""


_Bar = TypeVar("_Bar", bound="Bar")


class Bar:
    """A bar on standard error, where that is a terminal (``fancy``), else lines; a context manager.

    Where no line was said for long, `still` says that work goes on. Who asked for quiet sees neither.
    """

    def __init__(self, quiet: bool, clock: ProgressColumn):
        self.console, self.quiet = Console(stderr=True), quiet
        self.fancy = self.console.is_terminal and not quiet
        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), clock
        self.bar = Progress(*columns, TextColumn("{task.fields[facts]}"), console=self.console)
        self.task, self.beat = None, Beat(self.still)

    def __enter__(self: _Bar) -> _Bar:
        if self.fancy:
            self.bar.start()
        elif not self.quiet:
            self.beat.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self.fancy:
            self.bar.stop()
        elif not self.quiet:
            self.beat.__exit__()

    def still(self, seconds: float) -> None:
        """Says what has gone on for so long."""
        raise NotImplementedError

    def move(self, label: str, done: int, total: int, facts: str) -> None:
        """Draws the bar."""
        if self.task is None:
            self.task = self.bar.add_task(label, total=total, facts="")
        self.bar.update(self.task, description=label, completed=done, total=total, facts=facts)


class ProgressBar(Bar):
    """Shows a run's progress: call it with each moment. What takes long before the steps is said again now and then."""

    def __init__(self, quiet: bool = False):
        super().__init__(quiet, TimeRemainingColumn())
        self.last, self.doing, self.since = 0.0, "", time.monotonic()

    def still(self, seconds: float) -> None:
        if self.doing:
            print(f"{self.doing} ({time.monotonic() - self.since:.0f} s so far)", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """One line of what is being done, that stays; not for who asked for quiet."""
        if not self.quiet:
            self.tell(text)

    def tell(self, text: str, style: str = "") -> None:
        """One line of what came of it, or of what is wrong: for everybody."""
        self.console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    def __call__(self, moment: "RunProgress") -> None:
        """Shows a moment of training."""
        if moment.warning:
            self.tell(f"warning: {moment.warning}")
            return
        if self.quiet:
            return
        facts = describe(moment)
        if self.fancy:
            self.move(moment.message or "training", moment.step, moment.total, facts)
            return
        now = time.perf_counter()
        begins = moment.message not in ("", self.doing)
        if moment.message != self.doing:
            self.doing, self.since = moment.message, time.monotonic()
        if begins or now - self.last > QUIET_SECONDS or moment.step == moment.total:
            self.last = now
            self.beat.heard()
            far = f"{moment.message or 'step'} {moment.step}/{moment.total}  {facts}{self.left(moment)}"
            print(moment.message if begins and not moment.step else far, file=sys.stderr, flush=True)
        if moment.step == moment.total:
            self.doing = ""

    def left(self, moment: "RunProgress") -> str:
        """The time left, for plain lines (the bar has a column of its own)."""
        if not moment.steps_per_second or not moment.members:
            return ""
        seconds = (moment.total - moment.step) * moment.members / moment.steps_per_second
        return f"  {seconds:.0f} s left"


class Beat:
    """A thread that calls ``say`` with the seconds so far whenever nothing was `heard` for `QUIET_SECONDS`."""

    def __init__(self, say: Callable[[float], None]):
        self.say, self.begun = say, time.monotonic()
        self.last, self.ended = self.begun, threading.Event()
        self.thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *error: object) -> None:
        self.ended.set()
        self.thread.join()

    def heard(self) -> None:
        """Something was said."""
        self.last = time.monotonic()

    def _go_on(self) -> None:
        if hasattr(signal, "pthread_sigmask"):  # Ctrl-C is for the main thread
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        while not self.ended.wait(QUIET_SECONDS / 10):
            if time.monotonic() - self.last >= QUIET_SECONDS:
                self.heard()
                self.say(time.monotonic() - self.begun)


@contextmanager
def working(doing: str, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """Within this block it is said now and then what is being done, where that takes long.

    The function that it gives is told what is done next, and says so at once.
    """
    if quiet:
        yield lambda what: None
        return
    now = [doing]

    def next_is(what: str) -> None:
        now[0] = what
        beat.heard()
        typer.echo(what, err=True)

    beat = Beat(lambda seconds: typer.echo(f"{now[0]} ({seconds:.0f} s so far)", err=True))
    with beat:
        yield next_is


class CellBar(Bar):
    """Progress over cells of a study: a bar on a terminal, else a line a cell, and one whenever none was said for long.

    ``doing`` says what is done with them, ``seconds`` is the time after which it pauses by itself.
    """

    def __init__(self, quiet: bool, doing: str, seconds: float = math.inf):
        super().__init__(quiet, TimeElapsedColumn())
        self.doing, self.seconds = doing, seconds
        self.done, self.total = 0, 0
        self.begun = self.beat.begun

    def show(self, label: str, done: int, total: int, left: float | None) -> None:
        """Shows how many cells are done, the one that was last (at the start what comes), and the seconds left."""
        from nashpath.report.phrasing import duration

        self.done, self.total = done, total
        most = max(0.0, self.begun + self.seconds - time.monotonic())
        facts = self._at_most() if left is None else f"{duration(min(left, most))} left"
        if self.fancy:
            self.move(escape(label or self.doing), done, total, facts)
        else:
            self.beat.heard()
            self._print(f"{label or self.doing}  {facts}")

    def _at_most(self) -> str:
        from nashpath.report.phrasing import duration

        left = self.begun + self.seconds - time.monotonic()
        return f"at most {duration(max(0.0, left))}" if math.isfinite(left) else ""

    def _print(self, text: str) -> None:
        if not self.quiet:
            far = f"{self.done}/{self.total}  " if self.total else ""
            print(f"{far}{text.rstrip()}", file=sys.stderr, flush=True)

    def still(self, seconds: float) -> None:
        from nashpath.report.phrasing import duration

        self._print(f"{self.doing} for {duration(seconds)}  {self._at_most()}")


def describe(moment: "RunProgress") -> str:
    """Costs, members still moving and rate, in one line."""
    if not moment.members:
        return ""
    parts = [f"{who} {cost:.3f}" for who, cost in moment.costs.items()]
    if moment.members > 1:
        parts.append(f"{moment.alive}/{moment.members} members")
    if moment.steps_per_second:  # not known before the second step
        unit = "member-steps/s" if moment.members > 1 else "steps/s"
        parts.append(f"{moment.steps_per_second:,.{0 if moment.steps_per_second >= 10 else 1}f} {unit}")
    return "  ".join(parts)


def repeated(**given: Sequence[Any] | None) -> list[str]:
    """Options that may be repeated, as a command line has them: ``set=["a=1"]`` is ``--set=a=1``."""
    return [f"--{name}={one}" for name, values in given.items() for one in values or ()]


_Verb = TypeVar("_Verb", bound=Callable[..., Any])


@contextmanager
def _user_errors() -> Iterator[None]:
    """Within this block, errors and warnings that tell a person what to do are printed plainly."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _plainly(warnings.showwarning)
            yield
    except _interrupted():
        typer.echo("stopped before anything was written", err=True)
        raise typer.Exit(130) from None
    except BrokenPipeError:
        raise typer.Exit(1) from None  # the reader of our output left; there is nobody to tell
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if getattr(error, "exit_code", None) is not None:  # a refusal of the command line's own, as typer shows it
            raise
        told, status = told_with_status(error)
        typer.echo(f"error: {told}", err=True)
        raise typer.Exit(status) from error


def guarded(verb: _Verb) -> _Verb:
    """A verb whose errors are told by `_user_errors` wherever they come from: what it prints may fail, too.

    Its help is its docstring, in which brackets are letters, not the terminal's markup.
    """

    @wraps(verb)
    def told(*given: Any, **named: Any) -> Any:
        with _user_errors():
            return verb(*given, **named)

    told.__doc__ = escape(verb.__doc__ or "")
    return told  # type: ignore[return-value]


def _interrupted() -> tuple[type[BaseException], ...]:
    """What a stop raises in long work; nothing before the rooms are imported."""
    room = sys.modules.get("nashpath.run.engine.interrupt")
    return (room.Interrupted,) if room else ()


WARNED: set[str] = set()
"""What this command has warned of; empty where a command begins."""


def _plainly(otherwise: Any) -> Any:
    """Shows warnings about methods, data and run folders in one line, once a command, and others as they were shown."""

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if category.__module__.startswith("nashpath."):
            if str(message) not in WARNED:  # a command reads its data more than once
                typer.echo(f"warning: {message}", err=True)
            WARNED.add(str(message))
        else:
            otherwise(message, category, *where, **more)

    return show


LARGEST_SEED = 2**63 - 1
LARGEST_SIZE = 2**31 - 1
"""What `nashpath.core.hyperparameters.SIZE` is (a test)."""

With = Annotated[
    list[Path] | None,
    typer.Option(
        "--with", metavar="FILE.py", help="First execute a file that registers methods of your own; may be repeated."
    ),
]


def load_all(files: Sequence[Path] | None) -> "list[MethodFile]":
    """Imports the rooms, and the methods of installed packages and of these files. Raises `SettingError`.

    From now on the warnings of nashpath are shown each time.
    """
    with leaving_at_once():
        from nashpath.core.own import OwnMethodWarning
        from nashpath.data.base import DataWarning
        from nashpath.run import FolderWarning, MethodsWarning, load_methods
        from nashpath.run.settings.method_files import load_installed
    for category in (DataWarning, FolderWarning, MethodsWarning, OwnMethodWarning):
        warnings.simplefilter("always", category)
    load_installed()
    return [load_methods(file) for file in files or ()]


@contextmanager
def leaving_at_once() -> Iterator[None]:
    """Within this block there is nothing to save: Ctrl-C ends the process with status 130, and says nothing.

    As an exception it could be caught, and told as something else, by what is being imported.
    """
    before = signal.getsignal(signal.SIGINT)
    if not callable(before):  # a shell had it ignored
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(130))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def check_given(config: Path | None, *assignments: tuple[str, Sequence[str] | None]) -> None:
    """What can be told of files and of ``key=value`` texts without PyTorch. Raises `ValueError`, in their own words."""
    if config and not config.exists():
        there = shipped("examples") / config.name
        hint = (
            f"; nashpath examples {config.stem} --to {as_argument(config.parent)} writes it" if there.is_file() else ""
        )
        raise ValueError(f"{config}: no such file{hint}")
    for flag, texts in assignments:
        for text in texts or ():
            key, sign, _ = text.partition("=")
            if not sign or not key.strip():
                raise ValueError(f"{flag} {text!r} is not of the form key=value, such as {flag} penalty.weight=1")
