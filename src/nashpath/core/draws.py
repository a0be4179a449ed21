"""What a call draws from the global random states: whether it moves them, and all that Python's may give it."""

import random
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from nashpath.core.torch_compat import global_random_state

TRIES = 48
"""States of Python's generator under which a pass that draws from it must give the same."""


def moves_random_state(call: Callable[[], Any]) -> bool:
    """Whether a call moves PyTorch's or NumPy's global state, which another thread may move meanwhile."""
    for _ in range(3):
        before = global_random_state()[1:]
        call()
        if before == global_random_state()[1:]:
            return False
    if threading.active_count() == 1:
        return True
    before = global_random_state()[1:]
    time.sleep(0.02)
    return before == global_random_state()[1:]  # else it moves by itself, and outputs alone can tell


@contextmanager
def seeds_of_any_draw() -> Generator[list[int], None, None]:
    """Seeds of Python's generator, those of very small and very large first numbers at the head; it is put back."""
    kept = random.getstate()
    first = {seed: random.Random(seed).random() for seed in range(2000)}
    try:
        yield [min(first, key=first.__getitem__), max(first, key=first.__getitem__), *range(TRIES)]
    finally:
        random.setstate(kept)
