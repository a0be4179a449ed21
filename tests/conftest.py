"""Tests run on the CPU unless they name a device, and on one thread a worker: two workers share two cores.

CUDA has tests of its own (`test_cuda.py`). The variable is set before nashpath is imported; subprocesses inherit it.
"""

import os
from collections.abc import Iterator

os.environ.setdefault("NASHPATH_DEVICE", "cpu")

import pytest
import torch

from nashpath.run.settings import method_files
from nashpath.run.settings.register import KINDS

torch.set_num_threads(1)


def forget_own_methods() -> None:
    """Takes every registered row out of its table, as in a fresh process."""
    for table in KINDS.values():
        for name in table.registered:
            table.remove(name)
    method_files._FILES.clear()
    method_files._PACKAGES.clear()


@pytest.fixture
def own_methods() -> Iterator[None]:
    """For tests that register methods: no other test sees them."""
    yield
    forget_own_methods()
