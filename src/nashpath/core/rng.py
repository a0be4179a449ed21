"""Seeding. Only `generator_of_global`, for loops of a user's own, draws from the global random state."""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager

import torch

from nashpath.core.torch_compat import seed_initialisers
from nashpath.core.typed import kept_random_state


def generator(seed: int, device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh generator on ``device``, seeded."""
    return torch.Generator(device).manual_seed(seed)


def generator_of_global(device: str | torch.device = "cpu") -> torch.Generator:
    """A fresh generator on ``device``, seeded by one draw from PyTorch's global CPU generator (`torch.manual_seed`)."""
    return generator(int(torch.randint(2**63 - 1, ())), device)


@contextmanager
def seeded(seed: int) -> Generator[None]:
    """Within this block the global CPU generator is seeded (PyTorch's initialisers draw from it); then restored."""
    with kept_random_state():
        seed_initialisers(seed)
        yield


def derive(seed: int, stream: str) -> int:
    """A seed for one purpose: streams of one member (initial weights, draws, samples) must not share numbers."""
    digest = hashlib.sha256(f"{seed}/{stream}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
