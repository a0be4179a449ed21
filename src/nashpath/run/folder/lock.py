"""One process at a time writes a run folder.

The lock is the system's own (``flock``) on the file ``.lock``: it ends with its process, however that ends. Where a
file system knows no locks, the file itself is the lock: it names the process, which is asked for if it ran on this
machine.
"""

import contextlib
import fcntl
import json
import os
import socket
import weakref
from pathlib import Path
from typing import Any

from nashpath.core.cache import runs
from nashpath.run.errors import FolderError

LOCK = ".lock"


class FolderLock:
    """Holds a folder until `release`, or until this process ends; makes it (and takes it away again if left empty).

    Raises `FolderError`, which names the holder, where another process (or another session of this one) has it, and
    `OSError` where the folder, or the file, cannot be written; nothing stays then.
    """

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / LOCK
        self.made = [place for place in (folder, *folder.parents) if not place.exists()]
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.file = _locked(self.path)
        except OSError:
            _take_away(self.made)
            raise
        self._end = weakref.finalize(self, _release, self.file, self.path, self.made, os.getpid())

    def release(self) -> None:
        """Lets others have the folder."""
        self._end()


def _locked(path: Path) -> int:
    """An open file that is locked, and that bears this process's name."""
    while True:
        try:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:  # whoever held the folder has just taken it away
            path.parent.mkdir(parents=True, exist_ok=True)
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(file)
            os.close(file)
            raise FolderError(_refusal(path, holder)) from None
        except OSError:  # no locks here
            holder = _holder(file)
            if _may_live(holder):
                os.close(file)
                raise FolderError(_refusal(path, holder)) from None
        if _is_there(file, path):
            try:
                os.ftruncate(file, 0)
                os.pwrite(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode(), 0)
            except OSError as error:
                _let_go(file, path)
                error.filename = str(path)
                raise
            return file
        os.close(file)  # the last holder has just removed it


def _is_there(file: int, path: Path) -> bool:
    with contextlib.suppress(OSError):
        return os.path.samestat(os.fstat(file), path.stat())
    return False


def _holder(file: int) -> dict[str, Any]:
    try:
        found = json.loads(os.pread(file, 4096, 0))
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def _may_live(holder: dict[str, Any]) -> bool:
    """Whether the process that a file names may still run; one on another machine may."""
    if not holder:
        return False
    return holder.get("host") != socket.gethostname() or (holder.get("pid") != os.getpid() and runs(holder.get("pid")))


def _refusal(path: Path, holder: dict[str, Any]) -> str:
    if holder.get("pid") == os.getpid() and holder.get("host") == socket.gethostname():
        return f"{path.parent}: this process is writing the run there already; let that session end first"
    who = f"process {holder.get('pid')} on {holder.get('host')}" if holder else "another process"
    cure = "wait until it has ended, or choose another --out"
    if holder and holder.get("host") != socket.gethostname():
        cure += f" (if it does not run any more, delete {path})"
    return f"{path.parent}: {who} is writing the run there; {cure}"


def _release(file: int, path: Path, made: list[Path], pid: int) -> None:
    if os.getpid() != pid:  # a copy of the process that has it
        return
    _let_go(file, path)
    _take_away(made)


def _let_go(file: int, path: Path) -> None:
    with contextlib.suppress(OSError):
        if _is_there(file, path):
            path.unlink()
    with contextlib.suppress(OSError):
        os.close(file)


def _take_away(made: list[Path]) -> None:
    """Removes those of the folders that are empty."""
    for place in made:
        with contextlib.suppress(OSError):
            place.rmdir()
