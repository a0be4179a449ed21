"""One thread a test worker: two workers share two cores, and results do not depend on the number of threads.

Tests that say nothing of a device run on the CPU, also on a machine with a GPU.
"""

import os

import torch

os.environ.setdefault("NASHPATH_DEVICE", "cpu")

torch.set_num_threads(1)
