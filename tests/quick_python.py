"""A Python whose processes start at once: a server that has imported PyTorch and nashpath forks one for every command.

A process of its own costs three CPU-seconds, nearly all of them imports. The fixture `quick_python` (`conftest.py`)
puts the file that `started` writes in place of ``sys.executable``; it takes ``-c``, ``-m``, scripts, ``-u`` and ``-W``,
has its own streams, folder and environment, hands signals on and ends as the process did. Who kills it asks
`process_of` for the process itself: the file that was started only waits for it.

Not for tests of what is imported, or of how Python ends: those start real ones.
"""

import contextlib
import importlib
import json
import os
import runpy
import selectors
import signal
import socket
import stat
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
task = json.dumps({{"argv": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd()}}).encode()
with socket.socket(socket.AF_UNIX) as server:
    server.connect({place!r})
    socket.send_fds(server, [len(task).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(task)
    answers = server.makefile("rb")
    process = int(answers.readline())
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os.kill(process, number))
    status = int(answers.readline() or 1)
if status < 0:
    if -status != signal.SIGKILL:
        signal.signal(-status, signal.SIG_DFL)
    os.kill(os.getpid(), -status)
os._exit(status)
"""
ONCE = ("nashpath.cli.evaluate", "nashpath.cli.export", "nashpath.cli.reproduce", "nashpath.cli.train", "scipy.stats")
ONCE += (
    "nashpath.report",
    "nashpath.studies",
    "torch._dynamo",
    "torch.distributed.run",
    "scipy.optimize",
    "matplotlib.figure",
)
RUNNING = "running"
"""The folder, beside the file, that has a file for every process: named as its number, with its words."""


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Path]:
    """The server, and the file to start in place of Python."""
    place, file = folder / "server", folder / "python"
    (folder / RUNNING).mkdir()
    file.write_text(CLIENT.format(python=sys.executable, place=str(place)))
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    server = subprocess.Popen([sys.executable, __file__, place], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    try:
        yield file
    finally:
        server.communicate()  # the end of its input is its end


def process_of(python: Path, *words: str) -> int:
    """The process that runs with these words among its arguments and its environment (``NAME=value``)."""
    told = {file.name: file.read_text().split("\0") for file in (python.parent / RUNNING).glob("[0-9]*")}
    (found,) = [int(name) for name, all_words in told.items() if set(words) <= set(all_words)]
    return found


def serve(place: str) -> None:
    """Forks a keeper for every command, which forks the process of it and tells how it ended."""
    prepare()
    with socket.socket(socket.AF_UNIX) as listening, selectors.DefaultSelector() as waiting:
        listening.bind(place)
        listening.listen()
        waiting.register(listening, selectors.EVENT_READ)
        waiting.register(sys.stdin, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, reap)
        print("ready", flush=True)
        while all(key.fileobj is listening for key, _ in waiting.select()):
            asked, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                keep(asked, Path(place).parent / RUNNING)
            asked.close()
    os._exit(0)  # what PyTorch does as it leaves takes seconds


def reap(*_: object) -> None:
    """Takes the keepers that ended: what they took is then part of what tests took."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def prepare() -> None:
    """Imports what commands import."""
    import torch

    from nashpath.core.math.transport import pot
    from nashpath.run.settings.members import plan

    for name in ONCE:
        importlib.import_module(name)
    pot()
    plan({}, {})
    torch.set_num_threads(1)


def keep(asked: socket.socket, running: Path) -> NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, streams, _, _ = socket.recv_fds(asked, 8, 3)
    with asked.makefile("rb") as given:
        task = json.loads(given.read(int.from_bytes(length, "big")))
    process = os.fork()
    if process == 0:
        asked.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        become(**task)
    for stream in streams:
        os.close(stream)
    words = [*task["argv"], *(f"{name}={value}" for name, value in task["environment"].items())]
    (running / f"new{process}").write_text("\0".join(words))
    (running / f"new{process}").rename(running / str(process))
    with contextlib.suppress(BrokenPipeError):  # nobody waits for it
        asked.sendall(f"{process}\n".encode())
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    (running / str(process)).unlink()
    with contextlib.suppress(BrokenPipeError):
        asked.sendall(f"{status}\n".encode())
    os._exit(0)


def become(argv: list[str], environment: dict[str, str], folder: str) -> NoReturn:
    """Is the process of a command from here on."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = environment.get("PYTHON_EXEC", sys.executable)  # its own processes are quick ones, too
    sys.path[:0] = ["", *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    status = 0
    try:
        run(argv)
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else int(left.code is not None)
        if isinstance(left.code, str):
            print(left.code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def run(argv: list[str]) -> None:
    """Python's own options, and then the program."""
    while argv[0] in ("-W", "-u"):
        if argv[0] == "-W":
            warnings.simplefilter("ignore")
        argv = argv[1 + (argv[0] == "-W") :]
    if argv[0] == "-c":
        sys.argv = ["-c", *argv[2:]]
        exec(compile(argv[1], "<string>", "exec"), {"__name__": "__main__"})
    elif argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = argv
        runpy.run_path(argv[0], run_name="__main__")


if __name__ == "__main__":
    serve(sys.argv[1])
