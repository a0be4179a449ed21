"""Long work that may be cut short: compiling, reading data, a cell of a reproduction.

Training stops between two steps, where everything can be kept. What is long, and leaves nothing behind, is left at once
when a stop is asked for, and so are the processes that it started (C++ compilers, compile workers).
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A stop was asked for within a block that may be cut short."""


@contextmanager
def ending_by_ctrl_c(message: str = "stopping after this step") -> Iterator[Callable[[], bool]]:
    """Within this block Ctrl-C is noted, said, and answered by what it gives; a second one raises `KeyboardInterrupt`.

    Where Ctrl-C is answered by somebody else, and in other threads than the main one, it is left as it is.
    """
    asked: list[int] = []
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False
        return

    def ask(number: int, frame: Any) -> None:
        asked.append(number)
        print(f"\n{message}; Ctrl-C again quits at once", file=sys.stderr, flush=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    signal.signal(signal.SIGINT, ask)
    try:
        yield lambda: bool(asked)
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Within this block Ctrl-C waits for its end: modules whose import is cut short cannot be imported again."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    heard: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if heard:
            before(*heard[0])


@contextmanager
def interruptible(stop: Callable[[], bool]) -> Iterator[None]:
    """Within this block a signal by which ``stop()`` becomes true ends the block: it raises `Interrupted`.

    Whatever answered the signal before does so first. The processes that were started in the block are ended then (and
    only then: a compiler's helpers serve the next program, too). Where ``stop()`` is true already, the block does not
    begin. Only the main thread hears signals; in others the block runs as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in SIGNALS}
    others, active = set(descendants(os.getpid())), [True]

    def cut(number: int, frame: Any) -> None:
        answer = before[number]
        if callable(answer):
            answer(number, frame)
        if active and stop():
            active.clear()  # once
            raise Interrupted

    heard = [number for number in SIGNALS if callable(before[number])]
    for number in heard:
        signal.signal(number, cut)
    try:
        try:
            if stop():
                raise Interrupted
            yield
        finally:
            active.clear()
    except BaseException as error:
        if not stop():
            raise
        end(set(descendants(os.getpid())) - others)
        if isinstance(error, Exception):  # a compiler that had the signal, too, and failed of it
            raise Interrupted from error
        raise
    finally:
        for number in heard:
            if signal.getsignal(number) is cut:  # else the answer was changed by the first signal
                signal.signal(number, before[number])


def descendants(pid: int) -> list[int]:
    """The processes that a process started, and those that they started; none are known where there is no ``/proc``."""
    parents: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            parents[int(place.parent.name)] = int(place.read_text().rpartition(")")[2].split()[1])
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, its in parents.items() if its == parent]
        found += children
        waiting += children
    return found


def end(processes: Iterable[int]) -> None:
    """Ends processes, those of them that still run."""
    for pid in processes:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
