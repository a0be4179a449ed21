"""One thread a test worker: two workers share two cores, and results do not depend on the number of threads.

Tests that say nothing of a device run on the CPU, also on a machine with a GPU.
"""

import os
from collections.abc import Iterator

import pytest
import torch

from nashpath.run.settings import method_files
from nashpath.run.settings.register import KINDS

os.environ.setdefault("NASHPATH_DEVICE", "cpu")

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
