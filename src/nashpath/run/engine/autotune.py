"""Choice of the way to run a program: stacked or looped, compiled or not, number of threads.

Chosen by measurement, then written into the settings.
"""

import math
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from nashpath.run.engine.program import Mode, Program
from nashpath.run.engine.step import Trial
from nashpath.run.errors import SettingError

COMPILE_SECONDS = 25.0
"""Cost of compiling a program, measured: 5 to 30 seconds."""

SPEEDUP = {"dense": 2.0, "convolutional": 1.1}
"""Speed-up of a compiled step over an eager one, measured with `benchmarks/stacked.py`."""


@dataclass(frozen=True)
class Choice:
    """A way to run, and the sentence that says why."""

    mode: Mode
    compiled: bool
    reason: str


def choose(
    trials: Sequence[Trial], seeds: Sequence[int], steps: int, stack: str, compile: str, precision: torch.dtype | None
) -> Choice:
    """Settles ``stack`` and ``compile`` (each on, off or auto) for one group of trials."""
    why = []
    mode: Mode = "stacked" if stack == "on" and len(trials) > 1 else "looped"
    if stack == "auto" and len(trials) > 1:
        few = trials[:8], seeds[:8]
        mode, reason = _faster(few, precision)
        why.append(reason)
    missing = compiler_missing(next(trials[0].parameters()).device)
    if compile == "on" and missing:
        raise SettingError(f"compile=on: {missing}; or use compile=auto, which then stays eager")
    if compile != "auto":
        return Choice(mode, compile == "on", "; ".join([*why, f"compile={compile}"]))
    if missing:
        return Choice(mode, False, "; ".join([*why, f"eager: {missing}"]))
    few = trials[: 8 if mode == "stacked" else 1], seeds[: 8 if mode == "stacked" else 1]
    total = seconds(Program(*few, mode, False, precision)) * steps * len(trials) / len(few[0])
    saved = total * (1 - 1 / SPEEDUP["convolutional" if _convolutional(trials[0]) else "dense"])
    if saved > COMPILE_SECONDS:
        return Choice(mode, True, "; ".join([*why, f"compiled: saves about {saved - COMPILE_SECONDS:.0f} s"]))
    short = f"eager: about {total:.0f} s of work, compiling would not pay"
    return Choice(mode, False, "; ".join([*why, short]))


def _faster(few: tuple[Sequence[Trial], Sequence[int]], precision: torch.dtype | None) -> tuple[Mode, str]:
    """The faster way for a few trials, and why; looped where they cannot be stacked."""
    ways: tuple[Mode, Mode] = ("stacked", "looped")
    try:
        speeds = race({way: Program(*few, way, False, precision) for way in ways})
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


def race(programs: dict[Mode, Program]) -> dict[Mode, float]:
    """Seconds of a step of each throwaway program: the best of several, taken in turn, after one to warm up."""
    best = dict.fromkeys(programs, math.inf)
    for program in programs.values():
        program.run(1)
    begun = time.perf_counter()
    for done in range(ROUNDS):
        if done >= LEAST_ROUNDS and time.perf_counter() - begun > RACE_SECONDS:
            break
        for key, program in programs.items():
            start = time.perf_counter()
            program.run(1)
            program.wait()
            best[key] = min(best[key], time.perf_counter() - start)
    return best


def seconds(program: Program) -> float:
    """Seconds of one step of a throwaway program."""
    return race({program.mode: program})[program.mode]


MARGIN = 0.8
"""More threads must take at most this share of the time that one takes; else the cores are better left free."""


def choose_threads(trial: Trial, seed: int, precision: torch.dtype | None) -> int:
    """The faster of one thread and all that PyTorch would use, measured on a few throwaway steps; sets it, too."""
    most = torch.get_num_threads()
    device = next(trial.parameters()).device
    if most == 1 or device.type != "cpu":
        return most
    times = {}
    for count in (most, 1):
        torch.set_num_threads(count)
        times[count] = seconds(Program([trial], [seed], "looped", False, precision))
    best = most if times[most] < MARGIN * times[1] else 1
    torch.set_num_threads(best)
    return best
