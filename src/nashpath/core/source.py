"""Where samples come from, as a game sees it."""

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor


@runtime_checkable
class Source(Protocol):
    """An endless supply of real samples.

    ``shape`` is the shape of one sample: ``(2,)`` for points, ``(channels, height, width)`` for images, whose values
    lie in [-1, 1]. ``draw(rng, count)`` returns independent samples ``{"real": [count, *shape]}`` as float32 on
    the generator's device; labelled data adds ``"label": [count]`` (int64). The same generator state gives the same
    samples. Sources carry no parameters; members of a sweep may share one.
    """

    shape: tuple[int, ...]

    def draw(self, rng: torch.Generator, count: int) -> dict[str, Tensor]: ...


@runtime_checkable
class FromDisk(Protocol):
    """A source that was read from files, and can tell cheaply whether they are still what it was read from."""

    def changed(self) -> bool:
        """Whether something was added, removed, replaced or written since; a look at file times, nothing is read."""
        ...
