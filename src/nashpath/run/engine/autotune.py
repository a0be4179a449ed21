"""Choice of the way to run a program: stacked or looped, compiled or not, number of threads.

Chosen by measurement, then written into the settings.
"""

import hashlib
import json
import math
import os
import platform
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch
from torch import nn

from nashpath.core.cache import cache_folder, replacing
from nashpath.core.errors import first_line
from nashpath.core.torch_compat.one_graph import compiled_folder
from nashpath.core.tree import leaves
from nashpath.run.engine.device import Precision, hardware
from nashpath.run.engine.program import Mode, Prepared, Program
from nashpath.run.engine.sampler import probe
from nashpath.run.engine.step import Trial
from nashpath.run.errors import SettingError

EXPECTED = {"dense": (25.0, 2.0), "convolutional": (60.0, 1.5)}
"""Seconds that compiling may take and how many times faster a step may be: the bet on what was not measured yet."""

AGAIN = 0.4
"""The share of that time that it takes where what was compiled before is found on the disk, before that is measured."""

DOUBTED = 20.0
"""A small gain that one race measured is measured again for work that is so many times as long as compiling is."""

FEW = 8
"""Members of a stack that a first look at its speed takes."""

PAYS = 1.05
"""A compiled step must be this many times faster than an eager one to be worth its rounding."""


@dataclass(frozen=True)
class Choice:
    """A way to run, and the sentence that says why; the compiled step where the choice has made one already."""

    mode: Mode
    compiled: bool
    reason: str
    ready: Prepared | None = None


def choose(
    trials: Sequence[Trial],
    seeds: Sequence[int],
    steps: int,
    stack: str,
    compile: str,
    precision: Precision,
    say: Callable[[str], None] = lambda doing: None,
    together: int = 0,
    record: bool = True,
) -> Choice:
    """Settles ``stack`` and ``compile`` (each on, off or auto) for one group of trials.

    A stack is one of ``together`` members (0: of all); ``record`` says whether steps may be recorded (`Program`).

    ``compile=auto`` compiles where that promises to pay (`EXPECTED`, or what this machine measured of such a program
    before), measures what it cost and what it gained, and keeps it if a step is faster. ``say`` hears what takes long.
    """
    mode: Mode = "stacked" if stack == "on" and len(trials) > 1 else "looped"
    why: list[str] = []
    if stack == "auto" and len(trials) > 1:
        mode, reason = _faster((trials[:FEW], seeds[:FEW]), precision, record)
        why.append(reason)
    missing = compiler_missing(next(trials[0].parameters()).device)
    if compile == "on" and missing:
        raise SettingError(f"compile=on: {missing}; or use compile=auto, which then stays eager")
    if compile != "auto" or missing:
        choice = Choice(mode, compile == "on", f"eager: {missing}" if compile == "auto" else f"compile={compile}")
    else:
        size = together or len(trials) if mode == "stacked" else 1

        def make(count: int, compiled: bool) -> Program:
            return Program(trials[:count], seeds[:count], mode, compiled, precision, record=record)

        choice = _bet(make, size, steps * len(trials), say)
    return replace(choice, reason="; ".join([*why, choice.reason]))


def _bet(make: Callable[[int, bool], Program], size: int, steps: int, say: Callable[[str], None]) -> Choice:
    """Whether to compile programs of ``size`` members, of which each of ``steps`` steps is one member's.

    ``make(count, compiled)`` makes a throwaway program of so many members.
    """
    first = min(FEW, size)
    eager = make(first, False)
    mode, precision = eager.mode, eager.precision
    total = seconds(eager) * steps / first
    path = cache_folder() / "compiled" / f"{_kind_of(eager, size, precision)}.json"
    known = _remembered(path)
    expected = EXPECTED["convolutional" if _convolutional(eager.trials[0]) else "dense"]
    takes, gains = expected
    if known:
        takes, gains = known.expected, known.gain
        if gains < expected[1] and total > DOUBTED * expected[0]:  # one race beside other work may have said so
            gains = expected[1]
    if total * (1 - 1 / gains) <= takes:
        told = f"; measured before: {takes:.0f} s, then {gains:.2g} times faster" if known else ""
        return Choice(mode, False, f"eager: about {total:.0f} s of work, compiling would not pay{told}")
    if first < size:
        eager = make(size, False)
    say(f"compiling, about {takes:.0f} s")
    begun = time.perf_counter()
    try:
        compiled = make(size, True)
        compiled.run(1)
        takes = time.perf_counter() - begun
        best = race([eager, compiled])
    except (SettingError, AssertionError) as error:  # the second one is a made program's, about what it was given
        return Choice(mode, False, f"eager: the compiled step fails ({first_line(error)})")
    gains = best[0] / best[1]
    _remember(path, takes, gains)
    told = f"a step is {gains:.2g} times faster compiled, which took {takes:.0f} s, measured"
    if gains < PAYS:
        return Choice(mode, False, f"eager: {told}")
    return Choice(mode, True, told, compiled.prepared)


def _kind_of(program: Program, count: int, precision: Precision) -> str:
    """A name for programs of ``count`` members that compile and run alike: structure, shapes, versions, processor."""
    trial = program.trials[0]
    modules = [(name, f"{type(own).__module__}.{type(own).__qualname__}") for name, own in trial.named_modules()]
    tensors = [(name, v.shape, v.dtype) for name, v in trial.state_dict(keep_vars=True).items()]
    drawn = [v.shape for v in leaves(probe(trial.game, trial.solver.draws, program.device))]
    where = (hardware(program.device), platform.machine(), torch.get_num_threads())
    how = (program.mode, count, str(precision), version("torch"))
    return hashlib.sha256(repr((modules, tensors, drawn, where, how)).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Measured:
    """What compiling such a program took and gained: ``seconds`` the first time, ``again`` the last one after it."""

    seconds: float
    gain: float
    again: float

    @property
    def expected(self) -> float:
        """The seconds it will take now: fewer where what was compiled is still on the disk."""
        return self.again if compiled_folder().is_dir() else self.seconds


def _remembered(path: Path) -> Measured | None:
    """What was measured before; None where nothing was, or the file is damaged."""
    try:
        kept = json.loads(path.read_text())
        found = Measured(float(kept["seconds"]), float(kept["gain"]), float(kept["again"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    each = (found.seconds, found.gain, found.again)
    return found if all(map(math.isfinite, each)) and min(each) > 0 else None


def _remember(path: Path, takes: float, gains: float) -> None:
    """Keeps what was measured: the most seconds so far, and those of the last time that was not the first."""
    before = _remembered(path)
    first = max(takes, before.seconds if before else 0.0)
    kept = {"seconds": first, "gain": gains, "again": takes if before else AGAIN * takes}
    with suppress(OSError), replacing(path) as file:
        file.write(json.dumps(kept).encode())


def _faster(few: tuple[Sequence[Trial], Sequence[int]], precision: Precision, record: bool) -> tuple[Mode, str]:
    """The faster way for a few trials, and why; looped where they cannot be stacked."""
    ways: tuple[Mode, Mode] = ("stacked", "looped")
    try:
        speeds = dict(zip(ways, race([Program(*few, way, False, precision, record=record) for way in ways])))
    except SettingError as error:
        return "looped", f"looped: {error}"
    mode = min(ways, key=lambda way: speeds[way])
    other = ways[1 - ways.index(mode)]
    return mode, f"{mode}: {speeds[other] / speeds[mode]:.1f} times faster than {other}, measured"


def compiler_missing(device: torch.device) -> str:
    """Why nothing can be compiled for this device, or an empty string."""
    if device.type == "cpu":
        found = any(shutil.which(name) for name in (os.environ.get("CXX", ""), "c++", "g++", "clang++") if name)
        return "" if found else "no C++ compiler was found (install g++ or clang++ to compile)"
    try:
        import triton  # noqa: F401  # type: ignore[import-not-found]
    except ImportError:
        return "triton is not installed"
    return ""


def _convolutional(trial: Trial) -> bool:
    return any(isinstance(module, nn.Conv2d | nn.ConvTranspose2d) for module in trial.modules())


ROUNDS, LEAST_ROUNDS, RACE_SECONDS = 10, 3, 1.0
"""Steps that are timed at most, at least, and seconds after which no more are: what else the machine does comes in
bursts, and the best of few steps may miss all gaps."""


def race(programs: Sequence[Program]) -> list[float]:
    """Seconds of a step of each throwaway program: the best of several, taken in turn, after one to warm up."""
    best = [math.inf] * len(programs)
    for program in programs:
        program.run(1)
    begun = time.perf_counter()
    for done in range(ROUNDS):
        if done >= LEAST_ROUNDS and time.perf_counter() - begun > RACE_SECONDS:
            break
        for place, program in enumerate(programs):
            start = time.perf_counter()
            program.run(1)
            program.wait()
            best[place] = min(best[place], time.perf_counter() - start)
    return best


def seconds(program: Program) -> float:
    """Seconds of one step of a throwaway program."""
    return race([program])[0]


MARGIN = 0.8
"""More threads must take at most this share of the time that one takes; else the cores are better left free."""


def choose_threads(trial: Trial, seed: int, precision: Precision) -> int:
    """The faster of one thread and all that PyTorch would use, measured on a few throwaway steps; sets it, too."""
    most = torch.get_num_threads()
    device = next(trial.parameters()).device
    if most == 1 or device.type != "cpu":
        return most
    times = {}
    for count in (most, 1):
        torch.set_num_threads(count)
        times[count] = seconds(Program([trial], [seed], "looped", False, precision, record=False))
    best = most if times[most] < MARGIN * times[1] else 1
    torch.set_num_threads(best)
    return best
