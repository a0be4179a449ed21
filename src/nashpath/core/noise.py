"""Layers that add noise take their random numbers from the batch, like everything else that is random in a step.

Such a layer is a `Noise` of known sample shape. `Game.draw` fills ``batch["noise"]`` by `draw_noise`, and
`Game.forward` prices the batch inside `bound`; outside of it the layer is the identity, which is what sampling,
diagnostics and test errors want. Nothing random happens in ``forward``, so a noisy network stacks and compiles.
"""

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from nashpath.core.hyperparameters import Hyperparameters
from nashpath.core.key import Key
from nashpath.core.tree import Tree
from nashpath.core.typed import named_modules


class Noise(Hyperparameters):
    """Base of layers that consume standard normal numbers, one tensor of ``shape`` a sample."""

    def __init__(self, shape: tuple[int, ...], **numbers: float):
        super().__init__(**numbers)
        self.shape = shape
        self.given: Tensor | None = None

    def rows(self, count: int) -> Tensor | None:
        """The bound numbers for ``count`` samples, [count, *shape], or None outside of `bound`.

        Every pass of a turn sees the same rows (common random numbers: each term's expectation is as with
        independent ones, and differences between terms vary less); a batch of k joined parts sees them k times, and a
        part of a batch the first ones.
        """
        if self.given is None or not self.training:
            return None
        if count < self.given.shape[0]:
            return self.given[:count]
        parts, rest = divmod(count, self.given.shape[0])
        if rest:
            raise ValueError(f"noise was drawn for batches of {self.given.shape[0]} samples; this one has {count}")
        return self.given if parts == 1 else torch.cat([self.given] * parts)


def noise_layers(network: nn.Module) -> dict[str, Noise]:
    """All noise layers below ``network`` by qualified name."""
    return {name: layer for name, layer in named_modules(network) if isinstance(layer, Noise)}


def draw_noise(network: nn.Module, key: Key, lead: tuple[int, ...]) -> Tree:
    """Standard normal numbers for every noise layer by name, [*lead, *shape]; ``lead`` ends with the batch."""
    return {name: key.stream(name).normal((*lead, *layer.shape)) for name, layer in noise_layers(network).items()}


@contextmanager
def bound(network: nn.Module, noise: Tree) -> Generator[None]:
    """Within this block the noise layers of ``network`` use one step's ``noise`` (as `draw_noise` made it)."""
    for name, rows in noise.items():
        _give(network, name, rows)
    try:
        yield
    finally:
        for name in noise:
            _give(network, name, None)


def _give(network: nn.Module, name: str, rows: Tensor | None) -> None:
    layer = network.get_submodule(name)
    assert isinstance(layer, Noise)
    layer.given = rows
