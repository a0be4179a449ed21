"""Settings whose numbers cannot fit into memory are refused by their keys, before anything of that size is made."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import BaseModel

from nashpath.core import Source
from nashpath.core.torch_compat import Allocations
from nashpath.core.tree import leaves
from nashpath.run.engine.memory import COPIES, available, readable, step_bytes
from nashpath.run.engine.sampler import probe
from nashpath.run.engine.step import Trial
from nashpath.run.errors import SettingError

NAMED = 3
DRAWN = 10
"""Times its size that a batch takes while it is drawn: the words, their counters and what arithmetic on them holds."""
"""At most so many keys are named."""


@contextmanager
def within_memory(settings: Any) -> Iterator[None]:
    """Within this block, tensors that are made from sizes must fit into memory all together, and what training adds.

    Raises `SettingError`, which names the settings that the sizes come from.
    """
    most, before = available(), [0]

    def ask(shape: tuple[int, ...], size: int) -> None:
        before[0] += size * COPIES
        if before[0] > most:
            raise too_large(settings, before[0], most, shape)

    try:
        with Allocations(ask):
            yield
    except (MemoryError, OverflowError) as error:
        raise too_large(settings, 0, most, ()) from error
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise too_large(settings, 0, most, ()) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch or Python means that there was no memory, or a size that no memory has."""
    if isinstance(error, MemoryError):
        return True
    told = str(error).lower()
    words = ("out of memory", "can't allocate memory", "storage size calculation overflowed", "invalid size")
    return isinstance(error, RuntimeError) and any(word in told for word in words)


def check_fits(option: str, count: int, shape: tuple[int, ...]) -> None:
    """Refuses an option that asks for more samples of this shape than memory holds. Raises `SettingError`."""
    needed, most = 4.0 * COPIES * count * math.prod(shape), available()
    if needed > most:
        raise SettingError(f"{option} {count}: needs about {readable(needed)}, and there are {readable(most)}")


def check_batch(settings: Any, source: Source, count: int) -> None:
    """Refuses data of which ``count`` samples do not fit, before any is read. Raises `SettingError`."""
    shape = (count, *vars(source).get("shape", ()))  # as far as it is known already
    needed, most = 4.0 * math.prod(shape), available()
    if needed > most:
        raise too_large(settings, needed, most, shape)


def check_training(settings: Any, trial: Trial, members: int, together: int) -> None:
    """Refuses a run whose members (``together`` of them stepping at once) do not fit. Raises `SettingError`."""
    held, passing = step_bytes(trial)
    shape = getattr(getattr(trial.game, "data", None), "shape", ())
    sample = 4.0
    for side in shape:
        sample *= side
    most = available(next(trial.parameters()).device)
    evaluated = max(settings.evaluation_samples, settings.samples) * sample * COPIES if trial.game.has_samples else 0.0
    needed = held * members + max(passing * together, evaluated)
    if needed <= most:
        return
    if evaluated > max(held * members, passing * together):
        raise _refusal(["evaluation_samples", "samples"], settings, needed, most)
    if held > most or held * members <= passing * together:
        raise too_large(settings, needed, most, ())
    raise SettingError(
        f"seeds: {members} members take about {readable(needed)}, and there are {readable(most)}; train fewer at once"
    )


def check_draws(settings: Any, trial: Trial) -> None:
    """Refuses a run whose batches of one step do not fit. Raises `SettingError`."""
    device, draws = next(trial.parameters()).device, trial.solver.draws
    with within_memory(settings):
        try:
            one = sum(v.numel() * v.element_size() for v in leaves(probe(trial.game, 1, device)))
        except TypeError as error:
            raise SettingError(str(error)) from error
    needed, most = float(one) * draws * DRAWN, available(device)
    if needed > most:
        raise too_large(settings, needed, most, ())


def too_large(settings: Any, needed: float, most: float, shape: tuple[int, ...]) -> SettingError:
    """The refusal that names the largest settings: those that are a side of ``shape``, where one is its longest side.

    A longest side that is none of the settings is made of them: a sum in which the largest is half or more, or else a
    product of those that divide it.
    """
    sizes, longest = sorted(_sizes(settings), key=lambda entry: -entry[1]), max(shape, default=0)
    sides = [(key, value) for key, value in sizes if value > 1 and value in shape]
    if not sides or sides[0][1] < longest:
        factors = [(key, value) for key, value in sizes if value > 1 and longest % value == 0]
        sides = sizes if longest <= 2 * sizes[0][1] else factors or sides or sizes
    largest = [key for key, value in sides if value * 100 >= sides[0][1]]
    return _refusal(largest[:NAMED], settings, needed, most)


def _refusal(keys: list[str], settings: Any, needed: float, most: float) -> SettingError:
    values = dict(_sizes(settings))
    told = ", ".join(f"{key}={values[key]}" for key in keys)
    about = f"about {readable(needed)}" if needed else "more memory than there is"
    return SettingError(f"{told}: needs {about}, and there are {readable(most)}; make {' or '.join(keys)} smaller")


AFTERWARDS = {"steps", "seed", "seeds", "threads", "instance", "device_bytes"}
"""Whole numbers that are no size of a tensor; periods (``…_every``) neither."""


def _sizes(settings: Any, prefix: str = "") -> list[tuple[str, int]]:
    """The whole numbers in settings (a model, or the tables of a file) by dotted key."""
    found: list[tuple[str, int]] = []
    entries = dict(settings) if isinstance(settings, BaseModel) else settings
    for key, value in entries.items():
        if isinstance(value, BaseModel | dict):
            found += _sizes(value, f"{prefix}{key}.")
        elif type(value) is int and key not in AFTERWARDS and not key.endswith("_every"):
            found.append((prefix + key, value))
    return found
