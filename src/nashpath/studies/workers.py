"""Processes that measure cells: started at once, ended at once."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from typing import Any

import numpy as np

from nashpath.core.torch_compat import IMPORTED_BY_GRADIENTS
from nashpath.run.engine.interrupt import descendants, end

Context = ForkServerContext | SpawnContext

FORKED = sys.platform == "linux"
"""Whether workers are forks of a server that imported once what they need, which takes each of them seconds.

What PyTorch stands on may not be forked elsewhere. The server is that of `multiprocessing`: it ends with this process
once its forks have ended, which therefore watch this process (`_begin`).
"""
IMPORTED = ["nashpath.studies.runner", "nashpath.studies.plan", IMPORTED_BY_GRADIENTS]
"""What the server imports; the last is imported by the first gradient. None of it may ask for a GPU."""


@contextmanager
def worker_pool(workers: int, stop: Callable[[], bool] = lambda: False) -> Iterator[ProcessPoolExecutor]:
    """Fresh processes, with the environment of now; whatever ends the block ends them.

    The first is awaited no longer than until ``stop()``.
    """
    context = _begun(stop)
    pool = ProcessPoolExecutor(workers, context, _begin, (dict(os.environ),))
    try:
        yield pool
    finally:
        children = multiprocessing.active_children()
        compilers = [own for child in children if child.pid for own in descendants(child.pid)]
        pool.shutdown(wait=False, cancel_futures=True)
        for child in children:
            child.terminate()
        end(compilers)


@contextmanager
def lone_workers(workers: int) -> Iterator[Callable[..., Future[Any]]]:
    """A function that does each call in a process of its own, so many at a time; whatever ends the block ends them.

    An executor of processes can do so, too (``max_tasks_per_child``), but may wait for ever (Python's issue 115634).
    """
    context, calls = _begun(), list[Future[Any]]()
    with ThreadPoolExecutor(workers) as threads:

        def call(function: Callable[..., Any], *given: Any) -> Future[Any]:
            calls.append(threads.submit(_alone, context, function, given))
            return calls[-1]

        try:
            yield call
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            while not all(call.done() for call in calls):
                for child in multiprocessing.active_children():
                    child.terminate()
                wait(calls, timeout=0.05)


def _alone(context: Context, function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
    """What a process of its own gives. Raises `ChildProcessError` if it dies."""
    heard, telling = context.Pipe(duplex=False)
    process = context.Process(target=_tell, args=(telling, dict(os.environ), function, given), daemon=True)
    process.start()
    telling.close()
    try:
        return heard.recv()
    except EOFError:
        raise ChildProcessError("the process died (out of memory?)") from None
    finally:
        process.join()
        heard.close()


def _tell(
    telling: Connection, environment: dict[str, str], function: Callable[..., Any], given: tuple[Any, ...]
) -> None:
    _begin(environment)
    telling.send(function(*given))


@contextmanager
def held_back() -> Iterator[None]:
    """Within this block Ctrl-C waits, and processes that are started never see it, not even while they import."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begun(stop: Callable[[], bool] = lambda: False) -> Context:
    """How processes are started; where a server forks them, it has imported, or ``stop()`` is true."""
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
    if not FORKED:
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    resource_tracker.ensure_running()  # now, for on the way it unblocks Ctrl-C
    there, done = _servers(), threading.Event()
    with held_back():  # a thread, since in `multiprocessing` nothing cuts that wait short
        threading.Thread(target=_fork_one, args=(done,), daemon=True).start()
    try:
        while not stop() and not done.wait(0.05):
            pass
    finally:
        while not done.is_set():
            end(_servers() - there)
            done.wait(0.05)
    return context


def _fork_one(done: threading.Event) -> None:
    """Starts the server; it is ``done`` when that has imported, or was ended."""
    process = multiprocessing.get_context("forkserver").Process(target=_nothing)
    try:
        with suppress(OSError, EOFError):
            process.start()
            process.join()
    finally:
        done.set()


def _nothing() -> None:
    """What a process does to show that there can be one."""


def _servers() -> set[int]:
    """The servers of this process."""
    found = set[int]()
    for pid in descendants(os.getpid()):
        with suppress(OSError):
            if b"multiprocessing.forkserver" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def _begin(environment: dict[str, str]) -> None:
    """In a worker: the parent alone answers Ctrl-C; the environment is the parent's, draws without a seed its own.

    It ends with its parent, however that ends.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.clear()
    os.environ.update(environment)
    np.random.seed()  # of forks all would have the server's


def _end_with_parent() -> None:
    """Waits until the process that asked for this worker is gone; ends the worker then, with what it started."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        end(descendants(os.getpid()))
        os._exit(1)
