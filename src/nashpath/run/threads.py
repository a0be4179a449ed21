"""How many threads a run computes with: small kernels are fastest on one, and crawl where cores are not free."""

import torch

from nashpath.run.choose import seconds
from nashpath.run.program import Program
from nashpath.run.step import Trial

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
