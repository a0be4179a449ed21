"""Tests run on the CPU unless they name a device, and on one thread a worker: two workers share two cores.

CUDA has tests of its own (`test_cuda.py`). The variable is set before nashpath is imported; subprocesses inherit it.
"""

import os

os.environ.setdefault("NASHPATH_DEVICE", "cpu")

import torch

torch.set_num_threads(1)
