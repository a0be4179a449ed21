"""Files that are replaced whole, and a disk cache of tensors by content hash in such files."""

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import get_ident
from typing import BinaryIO

import torch
from safetensors import SafetensorError
from torch import Tensor

from nashpath.core.typed import load_tensors, tensor_bytes

BLOCK = 1 << 16
UNLOCKED_SECONDS = 3600.0
"""Where a file system has no locks, a file of another machine's process that is younger may still be written."""


def cache_folder() -> Path:
    """``$NASHPATH_CACHE``, or ``~/.cache/nashpath``."""
    return Path(os.environ.get("NASHPATH_CACHE") or Path.home() / ".cache" / "nashpath")


def remembered(key: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors kept under ``key``, or else those that ``make`` returns, kept from now on.

    A file that is damaged, or of another key, is made anew; a folder that cannot be written is not an error, the work
    is only not kept.
    """
    path = swept(cache_folder() / "metrics") / f"{key}.safetensors"
    try:
        kept = load_tensors(path)
        if torch.equal(kept.pop(DIGEST), _digest(key, kept)):
            return kept
    except (OSError, LookupError, SafetensorError):
        pass
    made = {name: tensor.detach().cpu().contiguous() for name, tensor in make().items()}
    with suppress(OSError), replacing(path) as file:
        file.write(tensor_bytes({**made, DIGEST: _digest(key, made)}))
    return made


DIGEST = "sha256"
"""The name, among kept tensors, of the hash of the others."""


def _digest(key: str, tensors: dict[str, Tensor]) -> Tensor:
    """A hash of the key, and of names, shapes, kinds and numbers of tensors, uint8 [32]."""
    found = hashlib.sha256(key.encode())
    for name, tensor in sorted(tensors.items()):
        found.update(f"\n{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        found.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return torch.tensor([*found.digest()], dtype=torch.uint8)


def _locked(path: Path) -> BinaryIO:
    """A new file, locked for as long as it is open, so that nobody sweeps it."""
    while True:
        file = open(path, "wb")  # noqa: SIM115
        with suppress(OSError):  # no locks here: the name tells whose it is
            fcntl.flock(file, fcntl.LOCK_EX)
        with suppress(OSError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # it was swept between the two


def sweep(folder: Path, others: Iterable[str] = ()) -> None:
    """Removes the temporary files of processes that were killed while they wrote into a folder; those of no other.

    A process that lives holds a lock on its file; where there are no locks, the file's name tells its number.
    ``others`` are patterns of temporary names beside those of `replacing`.
    """
    for left in [file for pattern in (".*.tmp", *others) for file in folder.glob(pattern)]:
        pid = left.name.removesuffix(".tmp").rpartition(".")[2].partition("-")[0]
        if pid.isdecimal() and int(pid) != os.getpid() and runs(pid):
            continue
        with suppress(OSError), open(left, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            except OSError:  # no locks here
                if time.time() - left.stat().st_mtime < UNLOCKED_SECONDS:
                    continue
            left.unlink()


@cache
def swept(folder: Path) -> Path:
    """A folder of the cache, swept by the first use that this process makes of it."""
    sweep(folder)
    return folder


def runs(pid: object) -> bool:
    """Whether there is a process with this number on this machine."""
    try:
        os.kill(int(str(pid)), 0)
    except PermissionError:
        return True
    except (OSError, ValueError, OverflowError):
        return False
    return True


def _beside(path: Path) -> Path:
    """Where this thread writes what is to take the place of a file; `sweep` knows such names."""
    return path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.tmp")


def check_replaceable(path: Path) -> None:
    """Raises `OSError` where `replacing` could not write ``path``: for before long work, not after it.

    A file is made beside it, and taken away again.
    """
    place = next(one for one in path.absolute().parents if one.exists())
    temporary = _beside(place / path.name)
    try:
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        if not place.is_dir():
            raise NotADirectoryError(f"{place} is a file")
        _locked(temporary).close()
    except OSError as error:
        why = error.strerror or str(error)
        raise type(error)(
            f"{path} cannot be written: {why}. Nothing was done; choose, or make, a place for it"
        ) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, durable: bool = True) -> Generator[BinaryIO]:
    """A new file that takes the place of ``path`` when the block has ended well; its folder is made if need be.

    A reader, or a crash, sees the old content or the new, never a part. Where the block fails, nothing stays; an
    `OSError` names ``path``. A file that is not ``durable`` outlasts its process, but the machine's only once
    `make_durable` was called.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path)
    try:
        with _locked(temporary) as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
            os.replace(temporary, path)  # before the lock is given up: a sweeper would take the file for a dead one's
    except OSError as error:
        if error.errno and error.filename in (None, str(temporary)):
            error.filename = str(path)  # a full disk names no file
        raise
    finally:
        temporary.unlink(missing_ok=True)
    if durable:
        make_durable(path.parent)


def append_lines(path: Path, content: bytes) -> int:
    """Appends whole lines to a file; returns where they begin.

    A last line without its end, which a full disk or a killed process leaves, is taken away before: what is appended
    to it would be lost with it.
    """
    with open(path, "a+b") as file:
        at = _whole_lines(file)
        file.truncate(at)
        file.write(content)
    return at


def _whole_lines(file: BinaryIO) -> int:
    """The size of a file without a last line that has no end."""
    end = at = file.seek(0, os.SEEK_END)
    while at:
        size = min(BLOCK, at) if at < end else 1
        at = file.seek(at - size)
        found = file.read(size).rfind(b"\n")
        if found >= 0:
            return at + found + 1
    return 0


def make_durable(path: Path) -> None:
    """What was written to a file, or which files a folder has, outlasts the machine, too."""
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
