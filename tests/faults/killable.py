"""A process that imports nashpath once, and forks a child for every command: the children may be killed anywhere.

Reads one JSON object a line, ``{"argv": [...], "point": 7, "signal": 9}`` or with ``"seconds"`` in place of ``point``,
and answers with ``{"status": ..., "points": ..., "said": ...}``. A point is a moment at which something is written.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import torch

from nashpath.cli import main
from nashpath.core.math.transport import pot
from nashpath.run.engine import sampler
from nashpath.run.engine.program import Program
from nashpath.run.folder.digests import Digests
from nashpath.run.settings.members import plan
from nashpath.run.training.flow_recorder import FlowRecorder

ONCE = ("nashpath.report", "nashpath.studies", "torch._dynamo", "scipy.stats", "scipy.optimize", "matplotlib.figure")
for name in ONCE:  # and not in every child
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
pot()
plan({}, {})
torch.set_num_threads(1)
sampler.BLOCK_STEPS = 8


class Points:
    """Counts the moments before and after each write; at the chosen one the process gets a signal."""

    def __init__(self, chosen: int, number: int):
        self.count, self.chosen, self.number = 0, chosen, number

    def here(self) -> None:
        self.count += 1
        if self.count == self.chosen:
            os.kill(os.getpid(), self.number)

    def around(self, owner: object, name: str) -> None:
        real = getattr(owner, name)

        def wrapped(*given, **named):
            self.here()
            result = real(*given, **named)
            self.here()
            return result

        setattr(owner, name, wrapped)

    def torn(self) -> None:
        """Rows that are written by half, before they are noted, by a process that dies of its signal there."""
        real = Digests.appended

        def wrapped(digests: Digests, name: str, content: bytes, at: int) -> None:
            if self.count + 1 == self.chosen and self.number == signal.SIGKILL:
                path = digests.folder / name
                os.truncate(path, path.stat().st_size - len(content) // 2)
            self.here()
            real(digests, name, content, at)

        Digests.appended = wrapped


def child(task: dict, said: int, counted: int) -> None:
    """Runs the command; never returns."""
    os.dup2(said, 1)
    os.dup2(said, 2)
    points = Points(task.get("point", 0), task.get("signal", signal.SIGKILL))
    for owner, name in ((os, "replace"), (os, "fsync"), (os, "link"), (Digests, "_note"), (Path, "unlink")):
        points.around(owner, name)
    points.around(Program, "_take")
    points.around(FlowRecorder, "take")
    points.torn()
    sys.argv = ["nashpath", *task["argv"]]
    status = 70
    try:
        main()
    except SystemExit as left:
        status = left.code if isinstance(left.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.write(counted, str(points.count).encode())
        os._exit(status)


def serve() -> None:
    for line in sys.stdin:
        task = json.loads(line)
        with tempfile.TemporaryFile() as said:
            reading, writing = os.pipe()
            pid = os.fork()
            if pid == 0:
                child(task, said.fileno(), writing)
            os.close(writing)
            if "seconds" in task:
                time.sleep(task["seconds"])
                os.kill(pid, task.get("signal", signal.SIGKILL))
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            said.seek(0)
            answer = {"status": status, "points": int(os.read(reading, 20) or 0), "said": said.read().decode()}
            os.close(reading)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()
