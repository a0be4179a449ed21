"""Training within a cell: it may be paused, and goes on where it was, bit for bit, at the next call.

A cell is measured by one function, from its start; what takes long in it is training. A `Course` plays programs, and
remembers what was read of them on the way, so that the function may run again from its start and lose no step.
"""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nashpath.run.engine.program import Program
from nashpath.run.folder.checkpoint import CheckpointError, fill_tree, read_checkpoint, save_trees
from nashpath.run.folder.lock import FolderLock
from nashpath.run.folder.run_folder import RunFolder

EVERY = 60.0
"""Seconds of training between two checkpoints of a cell."""
STEPS = 4
"""Steps that are timed to plan with."""


class Paused(BaseException):
    """A cell was to pause; how far it came is kept."""


class Rewound(BaseException):
    """A state was to be read, outside of `Course.look`, that lies behind what was kept: the cell is to begin anew."""


class Timed(BaseException):
    """What a cell was to be asked: the ``seconds`` of one step of all its ``members``."""

    def __init__(self, seconds: float, members: int):
        super().__init__(seconds, members)
        self.seconds, self.members = seconds, members


@dataclass
class Keeping:
    """Where a cell keeps how far it came (``folder``), what its rows depend on, and whether it is to pause now."""

    folder: Path
    source: str
    pause: Callable[[], bool]
    begun: float
    courses: int = 0
    before: float = 0.0
    """Seconds that earlier calls spent on the cell."""

    @property
    def seconds(self) -> float:
        """What the cell has cost so far, in seconds of all calls."""
        return self.before + time.perf_counter() - self.begun


_timing: ContextVar[bool] = ContextVar("timing", default=False)
_present: ContextVar[Keeping | None] = ContextVar("keeping", default=None)


@contextmanager
def keeping(folder: Path, source: str, pause: Callable[[], bool]) -> Iterator[Keeping]:
    """Within this block courses keep how far they come in ``folder``, and raise `Paused` where ``pause()`` is true.

    What was kept under another ``source`` is left out. Raises `FolderError` where another process measures the cell.
    """
    lock = FolderLock(folder)
    kept = Keeping(folder, source, pause, time.perf_counter())
    token = _present.set(kept)
    try:
        yield kept
    finally:
        _present.reset(token)
        lock.release()


@contextmanager
def timing() -> Iterator[None]:
    """Within this block the first course that is played takes a few steps, and raises `Timed`."""
    token = _timing.set(True)
    try:
        yield
    finally:
        _timing.reset(token)


def forget(folder: Path) -> None:
    """Deletes what a cell kept on the way, when it was measured."""
    shutil.rmtree(folder, ignore_errors=True)


class Course:
    """Programs that are trained to the same step, and looked at.

    ``play`` and ``look`` are called in one order, whatever was kept: a course that goes on takes no step and reads
    nothing until it is where it was.
    """

    def __init__(self, programs: Sequence[Program]):
        self.programs, self._asked = list(programs), 0
        self._goal = max(program.taken for program in programs)
        self._looks: list[Any] = []
        self._keeping = _present.get()
        self._store: RunFolder | None = None
        if self._keeping is not None:
            self._store = RunFolder(self._keeping.folder / f"course-{self._keeping.courses}")
            self._keeping.courses += 1
            self._restore(self._store, self._keeping)

    def play(self, steps: int) -> None:
        """Takes ``steps`` more steps with every program. Raises `Paused` where the cell is to pause."""
        if _timing.get():
            raise self._timed()
        self._goal += steps
        due = time.monotonic() + EVERY

        def interrupted() -> bool:
            return self._pausing() or time.monotonic() > due

        for program in self.programs:
            while program.taken < self._goal:
                program.run(self._goal - program.taken, interrupted)
                pausing = self._pausing()
                if pausing or time.monotonic() > due:
                    self._save()
                    due = time.monotonic() + EVERY
                if pausing:
                    raise Paused

    def check_present(self) -> None:
        """Raises `Rewound` where the programs are ahead of what was played: their states are not those asked for."""
        if any(program.taken > self._goal for program in self.programs):
            raise Rewound

    def look(self, read: Callable[[], Any]) -> Any:
        """What ``read()`` gives now, as plain JSON values; what it gave at this place before, if that was kept."""
        place, self._asked = self._asked, self._asked + 1
        if place == len(self._looks):
            self.check_present()
            self._looks.append(json.loads(json.dumps(read())))
        return self._looks[place]

    def _timed(self) -> Timed:
        """The time of one step after the first, which also prepares."""
        seconds = 0.0
        for program in self.programs:
            program.run(1)
            program.wait()
            begun = time.perf_counter()
            program.run(STEPS)
            program.wait()
            seconds += (time.perf_counter() - begun) / STEPS
        return Timed(seconds, sum(len(program.trials) for program in self.programs))

    def _pausing(self) -> bool:
        return self._keeping is not None and self._keeping.pause()

    def _save(self) -> None:
        if self._store is None or self._keeping is None:
            return
        self._store.folder.mkdir(parents=True, exist_ok=True)
        if not self._store.digests.kept():
            self._store.digests.begin([])
        programs = self.programs
        trees = {_name(j, i): state._asdict() for j, p in enumerate(programs) for i, state in enumerate(_states(p))}
        meta = {
            "source": self._keeping.source,
            "seconds": self._keeping.seconds,
            "taken": [program.taken for program in programs],
            "reports": [program.info() for program in programs],
            "causes": [{str(i): cause for i, cause in program.causes.items()} for program in programs],
            "looks": self._looks,
        }
        save_trees(self._store, trees, meta)

    def _restore(self, store: RunFolder, kept: Keeping) -> None:
        if not store.has_checkpoint():
            return
        try:
            path, tensors, meta = read_checkpoint(store)
            if meta.get("source") != kept.source:
                forget(store.folder)
                return
            found = [
                [
                    type(state)(**fill_tree(state._asdict(), f"{_name(j, i)}.", tensors, path))
                    for i, state in enumerate(_states(program))
                ]
                for j, program in enumerate(self.programs)
            ]
        except CheckpointError as error:
            store.warn(f"{error}; the cell is measured from its start")
            forget(store.folder)
            return
        for program, states, taken, report, causes in zip(
            self.programs, found, meta["taken"], meta["reports"], meta["causes"]
        ):
            program.load(states, taken, report)
            program.causes = {int(i): cause for i, cause in causes.items()}
        self._looks, kept.before = meta["looks"], max(kept.before, meta["seconds"])


def _states(program: Program) -> list[Any]:
    return [program.train_state(i) for i in range(len(program.trials))]


def _name(program: int, member: int) -> str:
    return f"program{program}.member{member}"
