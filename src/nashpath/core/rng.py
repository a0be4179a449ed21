"""Seeding. Nothing here or elsewhere leaves a trace in the global random state."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def generator(seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh generator on ``device``, seeded."""
    return torch.Generator(device).manual_seed(seed)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within this block the global CPU generator is seeded (PyTorch's initialisers draw from it); then restored."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
