"""One thread a test worker: two workers share two cores, and results do not depend on the number of threads."""

import torch

torch.set_num_threads(1)
