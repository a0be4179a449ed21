"""The run folder: settings, metrics, samples, checkpoint and assessments, each in a format that other programs open.

``config.toml`` (resolved settings), ``run.json`` (what, when, on what), ``members.json`` (one entry a member),
``metrics.jsonl`` (one row a line, appended), ``samples/step-*.npz``, ``reference.npz``, ``checkpoint.safetensors`` (and
the one before it); after an assessment ``evaluation.json``, and ``diagnosis.json`` with ``diagnosis.npz``;
``digests.jsonl`` says what each of them must hold (`digests`).
"""

import io
import json
import math
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
import torch

from nashpath.core.cache import append_lines, make_durable, replacing, sweep
from nashpath.run.errors import FolderError, FolderWarning, SettingError, refused_by_place
from nashpath.run.folder.digests import JOURNAL, Digests
from nashpath.run.folder.lock import LOCK, FolderLock
from nashpath.run.folder.settings_file import read_toml
from nashpath.run.settings.flow import is_flow
from nashpath.run.settings.overrides import Raw
from nashpath.spelling import as_argument

CONFIG, CHECKPOINT, METRICS, QUESTION = "config.toml", "checkpoint.safetensors", "metrics.jsonl", "search.json"
PREVIOUS = "checkpoint.previous.safetensors"
ASSESSMENTS = ("evaluation.json", "diagnosis.json")
WRITTEN = (
    *(CHECKPOINT, PREVIOUS, METRICS, "run.json", "members.json", "reference.npz", *ASSESSMENTS),
    *("diagnosis.npz", "report.html", "trackers.json", JOURNAL, "samples", "events", "study.json", "cells"),
)
"""What a run, a flow or a reproduction writes beside its settings."""


_AGAIN: ContextVar[str] = ContextVar("again", default="")


@contextmanager
def made_by(again: str) -> Iterator[None]:
    """What is written into run folders in this block is made by the command ``again``, and not by resuming the run."""
    token = _AGAIN.set(again)
    try:
        yield
    finally:
        _AGAIN.reset(token)


class RunFolder:
    """A run folder. Files are replaced atomically and rows appended; a resume drops what is after its checkpoint.

    Where the folder keeps digests, every file that is written is noted there.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.config = folder / CONFIG
        self.checkpoint = folder / CHECKPOINT
        self.previous = folder / PREVIOUS
        self.metrics = folder / METRICS
        self._samples: list[Path] = []
        """Files of samples since the last checkpoint."""
        self.digests = Digests(folder)
        self._lock: FolderLock | None = None
        self._told: set[str] = set()

    def exists(self) -> bool:
        """Whether the folder already holds a run."""
        return self.config.exists()

    @property
    def lacks(self) -> str:
        """Why the folder holds no run, where it does not."""
        if is_search(self.folder):
            return f"it holds a search, whose runs are {self.folder / 'confirm'} and those in {self.folder / 'rounds'}"
        return f"no {CONFIG}" if self.folder.exists() else "there is no such folder"

    def has_checkpoint(self) -> bool:
        """Whether there is a checkpoint, or there was one: `load_checkpoint` says what became of it."""
        return any(place.exists() for place in (self.checkpoint, self.previous))

    def lost_checkpoint(self) -> bool:
        """Whether there was a checkpoint that is not there any more; else a run without one was ended before it."""
        gone = (self.folder / "run.json").exists() or self.previous.name in self.digests.missing()
        return gone and not self.has_checkpoint()

    def reached(self) -> int:
        """The step that the run had reached when it was last ended, by ``run.json``; 0 where that does not tell."""
        place = self.folder / "run.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            facts = {} if self.digests.fault(place.name) else json.loads(place.read_bytes())
            return 0 if facts["status"] == "running" else int(facts["steps"])  # running: parts are being gathered
        return 0

    @property
    def again(self) -> str:
        """The command that goes on with what the folder holds; without a checkpoint it begins again."""
        verb = "train"
        with suppress(SettingError):
            verb = "flow" if is_flow(self.read_config()) else verb
        return f"nashpath {verb} --resume --out {as_argument(self.folder)}"

    def claim(self) -> None:
        """Makes the folder this process's own until `release`, and sweeps what killed processes left there.

        Raises `FolderError` where another process, which it names, writes the folder, or nobody can.
        """
        if self._lock is None:
            with self._room(LOCK):
                self._lock = FolderLock(self.folder)
                try:
                    sweep_run(self.folder)
                    self.digests.settle()
                except OSError:
                    self.release()
                    raise

    def release(self) -> None:
        """Lets other processes write the folder."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def create(self, raw: Raw) -> None:
        """Makes the folder and writes the resolved settings."""
        with self._room(CONFIG):
            (self.folder / "samples").mkdir(parents=True, exist_ok=True)
            if not self.digests.kept() or self.digests.damage():
                self.digests.begin(self._read_back())
        self.write(CONFIG, tomli_w.dumps(raw).encode())

    def sound(self, name: str, cure: str) -> bytes:
        """A file as it was written. Raises `SettingError`, which ends in the ``cure``, where it is not."""
        path, fault = self.folder / name, self.digests.fault(name)
        if fault or not path.exists():
            raise SettingError(f"{path}: {fault or 'is missing'}; {cure}")
        return path.read_bytes()

    @contextmanager
    def configured(self) -> Iterator[None]:
        """What settings are refused for in this block is said of ``config.toml``, where it is not as it was written."""
        try:
            yield
        except SettingError as error:
            fault = self.digests.fault(CONFIG)
            if not fault:
                raise
            raise SettingError(f"{self.config}: {fault}: {error}") from error

    def read_config(self) -> Raw:
        """The resolved settings of the run."""
        return read_toml(self.config)

    def write(self, name: str, content: bytes, durable: bool = True) -> None:
        """Replaces a file. Raises `FolderError` where the place takes none, such as a full disk.

        Outside of `claim` and `release` it holds the folder for this write alone, and sweeps it. Where another process
        has it the file is left as it is, which a `FolderWarning` says: nobody waits, and no result is lost.
        """
        with self._alone(name) as allowed:
            if allowed:
                with self._room(name):
                    self.digests.replaces(name, content)
                    write_atomic(self.folder / name, content, durable)

    def write_checkpoint(self, content: bytes) -> None:
        """Replaces the checkpoint. The present one becomes the previous one, if it is sound; else that one stays.

        Rows and samples up to it, which a resume keeps, are made to outlast the machine before.
        """
        with self._room(CHECKPOINT):
            for path in (*self._samples, self.folder / "samples", self.metrics, self.folder / JOURNAL):
                with suppress(FileNotFoundError):
                    make_durable(path)
            self._samples.clear()
            if self.checkpoint.exists() and not self.digests.fault(CHECKPOINT):
                self.digests.copies(CHECKPOINT, PREVIOUS)
                _link(self.checkpoint, self.previous)
        self.write(CHECKPOINT, content)

    def write_json(self, name: str, value: Any) -> None:
        """Replaces one of the JSON files; numbers that are not finite become null."""
        self.write(name, (plain_json(value, indent=1) + "\n").encode())

    def remove(self, name: str) -> None:
        """Removes a file, where there is one."""
        if (self.folder / name).exists():
            self.digests.replaces(name, None)
            (self.folder / name).unlink()

    def mark_assessments(self, mark: dict[str, Any]) -> None:
        """Adds to what assessments say of themselves, unless they say it already; damaged ones are left as they are."""
        for name in ASSESSMENTS:
            if (self.folder / name).is_file() and not self.digests.fault(name):
                with suppress(ValueError, TypeError):
                    self.write_json(name, mark | json.loads((self.folder / name).read_bytes()))

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Appends rows to the metrics."""
        content = "".join(plain_json(row) + "\n" for row in rows).encode()
        with self._room(METRICS):
            at = append_lines(self.metrics, content)
            if content:
                self.digests.appended(METRICS, content, at)

    def truncate(self, step: int) -> None:
        """Drops what was recorded after ``step``: rows, a half-written last line, and samples.

        Rows that are damaged are dropped, too, and named in a `FolderWarning`.
        """
        if self.metrics.exists():
            pieces, wrong = self.digests.sound(METRICS, self.metrics.read_bytes())
            if wrong:
                self.warn(f"{self.metrics}: {wrong}; those rows are left out from now on")
            lines = [line for piece in pieces for line in piece.splitlines()]
            kept = [line for line in lines if _step_of(line, step + 1) <= step]
            self.write(METRICS, b"".join(line + b"\n" for line in kept))
        elif self.digests.fault(METRICS):
            self.warn(f"{self.metrics}: is missing; the rows up to step {max(step, 0)} are lost")
        for file in (self.folder / "samples").glob("step-*.npz"):
            at = file.stem.removeprefix("step-")
            if at.isdecimal() and int(at) > step:
                self.remove(f"samples/{file.name}")

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray], durable: bool = True) -> None:
        """Replaces an ``.npz`` file."""
        buffer = io.BytesIO()
        np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
        self.write(name, buffer.getvalue(), durable)

    def write_samples(self, step: int, arrays: dict[str, np.ndarray]) -> None:
        """Writes the samples of a step, which the next checkpoint makes durable: a resume drops what is after one."""
        name = f"samples/step-{step:08d}.npz"
        self.write_arrays(name, arrays, durable=False)
        self._samples.append(self.folder / name)

    def warn(self, said: str) -> None:
        """A `FolderWarning`, once."""
        if said not in self._told:
            self._told.add(said)
            warnings.warn(said, FolderWarning, stacklevel=3)

    def warn_if_unchecked(self) -> None:
        """Says it where the folder keeps no digests, or damaged ones: its files are read unchecked."""
        self.warn_if_damaged()
        if not self.digests.kept():
            self.warn(
                f"{self.folder} carries no digests (an earlier version made it, or digests.jsonl was removed); its "
                "files are read unchecked"
            )

    def warn_if_damaged(self) -> None:
        """Says it where the digests themselves are damaged."""
        if self.digests.damage():
            self.warn(f"{self.digests.damage()}; its files are read unchecked")

    def _read_back(self) -> list[str]:
        """The files of this folder that are read back."""
        samples = sorted(f"samples/{file.name}" for file in (self.folder / "samples").glob("step-*.npz"))
        return [
            *(name for name in (CONFIG, *WRITTEN) if "." in name and name not in (JOURNAL, "report.html")),
            *samples,
        ]

    @contextmanager
    def _alone(self, name: str) -> Iterator[bool]:
        """Holds the folder for the writing of one file; whether it could."""
        if self._lock is not None:
            yield True
            return
        lock = None
        with self._room(name):
            try:
                lock = FolderLock(self.folder)
            except FolderError as error:
                self.warn(f"{name} is left as it is: {error}")
        if lock is None:
            yield False
            return
        try:
            with self._room(name):
                sweep_run(self.folder)
                if self.digests.in_doubt():
                    self.digests.settle()
            yield True
        finally:
            lock.release()

    @contextmanager
    def _room(self, name: str) -> Iterator[None]:
        """Says why a place takes no file (a full disk, one that can only be read), and what the folder still holds."""
        try:
            yield
        except OSError as error:
            refusal = refused_by_place(error)
            if refusal is None:
                raise
            why, then = refusal
            if self.exists():
                kept = "the last checkpoint is kept" if self.has_checkpoint() else "it has no checkpoint yet"
                then = f"{kept}; {then}, then: {_AGAIN.get() or self.again}"
            raise FolderError(f"{self.folder}: {why}, {name} could not be written; {then}") from error


def sweep_run(folder: Path) -> None:
    """Removes what processes left half-written that were killed while they wrote into a run folder."""
    for place in (folder, folder / "samples", folder / "cells"):
        sweep(place, others=["*.part"])


def _link(file: Path, other: Path) -> None:
    """Lets ``other`` be what ``file`` is now: another name where the file system has links, else a copy."""
    temporary = other.with_name(f".{other.name}.{os.getpid()}-link.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(file, temporary)
    except OSError:
        write_atomic(other, file.read_bytes())
        return
    os.replace(temporary, other)


def is_search(folder: Path) -> bool:
    """Whether a folder holds a search, which is no run but has runs in it."""
    return (folder / QUESTION).exists()


def plain_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON: numbers that are not finite become null."""
    return json.dumps(_not_finite_as(value, lambda number: None), indent=indent, allow_nan=False)


def named_infinities(value: Any) -> Any:
    """Settings with infinity as the text ``inf`` (``-inf``): there it is a choice, which null would not tell."""
    return _not_finite_as(value, lambda number: str(number) if math.isinf(number) else number)


def _not_finite_as(value: Any, other: Callable[[float], Any]) -> Any:
    """The value with ``other`` of each number in it that is not finite: JSON has none."""
    if isinstance(value, dict):
        return {k: _not_finite_as(v, other) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_not_finite_as(v, other) for v in value]
    return other(value) if isinstance(value, float) and not math.isfinite(value) else value


def _step_of(line: bytes, otherwise: int) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return otherwise


def write_atomic(path: Path, content: bytes, durable: bool = True) -> None:
    """Replaces ``path`` in one step: a reader, or a crash, sees the old content or the new, never a part."""
    with replacing(path, durable) as file:
        file.write(content)


def machine() -> dict[str, Any]:
    """The facts of this machine and these libraries that a run folder records."""
    own = import_module("nashpath").__version__  # by name: a room imports nothing that imports rooms
    versions = {"nashpath": own} | {name: _version(name) for name in ("torch", "numpy")}
    return {
        "versions": {**versions, "python": platform.python_version()},
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
    }


@cache
def _version(name: str) -> str:
    """The version of a library, which does not change under a process: its metadata are parsed once."""
    return version(name)
