"""Layers that add noise take their random numbers from the batch, like everything else that is random in a step.

Such a layer is a `Noise` of known sample shape. `Game.draw` fills ``batch["noise"]`` by `draw_noise`, and
`Game.forward` prices the batch inside `bound`; outside of it the layer is the identity, which is what sampling,
diagnostics and test errors want. Nothing random happens in ``forward``, so a noisy network stacks and compiles.

Most layers show all passes of a turn the same rows. That is right where a cost is a sum of terms of one sample each.
Where a cost compares a real sample with a generated one (relativistic, MMD, energy distance), noise *on the samples*
that both share cancels, or makes the comparison biased: layers that stand for such noise draw rows for real and for
generated samples apart (`Noise.sides`), and the game says which of the two is shown (`generated`).
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
    """Base of layers that consume standard normal numbers, one tensor of ``shape`` a sample.

    Raises `ValueError` for a shape that is no tuple of positive numbers.
    """

    sides = 1
    """1: real and generated samples see the same rows. 2: rows of their own, drawn as [batch, 2, *shape]."""

    drawn = True
    """False: no noise, but what the game puts into its place in ``batch["noise"]`` (classes), seen in eval mode too."""

    def __init__(self, shape: tuple[int, ...], **numbers: float):
        super().__init__(**numbers)
        given: object = shape
        if type(given) not in (tuple, list, torch.Size) or not all(type(n) is int and n > 0 for n in shape):
            raise ValueError(
                f"{type(self).__name__} got the shape {shape!r}; it is that of one sample where the layer stands, as "
                "(64,) for [batch, 64]"
            )
        self.shape = tuple(shape)
        self.given: Tensor | None = None
        self.side = 0

    def rows(self, count: int) -> Tensor | None:
        """The bound numbers for ``count`` samples, [count, *shape], or None outside of `bound`.

        Passes over samples of one kind see the same rows (common random numbers: each term's expectation is as with
        independent ones, and differences between terms vary less); a part of a batch sees the first ones. Of joined
        batches each sees them all; where `sides` is 2 the first, third, … are real samples and the others generated.
        """
        if self.given is None or (self.drawn and not self.training):
            return None
        if count < self.given.shape[0]:
            return self._of(self.side)[:count]
        parts, rest = divmod(count, self.given.shape[0])
        if rest:
            raise ValueError(f"noise was drawn for batches of {self.given.shape[0]} samples; this one has {count}")
        return self._of(self.side) if parts == 1 else torch.cat([self._of(k % 2) for k in range(parts)])

    def _of(self, side: int) -> Tensor:
        """The rows of real samples (0) or of generated ones (1), [batch, *shape]."""
        assert self.given is not None
        return self.given if self.sides == 1 else self.given[:, side]


def noise_layers(network: nn.Module) -> dict[str, Noise]:
    """All noise layers below ``network`` by qualified name."""
    return {name: layer for name, layer in named_modules(network) if isinstance(layer, Noise)}


def draw_noise(network: nn.Module, key: Key, lead: tuple[int, ...]) -> Tree:
    """Standard normal numbers for every noise layer by name, [*lead, *shape]; ``lead`` ends with the batch.

    Those of layers with two `Noise.sides` are [*lead, 2, *shape].
    """

    def shape(layer: "Noise") -> "tuple[int, ...]":
        return (*lead, *layer.shape) if layer.sides == 1 else (*lead, layer.sides, *layer.shape)

    layers = {name: layer for name, layer in noise_layers(network).items() if layer.drawn}
    return {name: key.stream(name).normal(shape(layer)) for name, layer in layers.items()}


@contextmanager
def bound(network: nn.Module, noise: Tree) -> Generator[None]:
    """Within this block the noise layers of ``network`` use one step's ``noise`` (as `draw_noise` made it)."""
    for name, rows in noise.items():
        _layer(network, name).given = rows
    try:
        yield
    finally:
        for name in noise:
            _layer(network, name).given = None


@contextmanager
def generated(network: nn.Module, noise: Tree) -> Generator[None]:
    """Within this block of `bound` the samples that ``network`` sees are generated ones, also where none says so."""
    for name in noise:
        _layer(network, name).side = 1
    try:
        yield
    finally:
        for name in noise:
            _layer(network, name).side = 0


def beside(network: nn.Module, noise: Tree) -> Tree:
    """The part of ``batch["noise"]`` that is no noise but belongs to the samples of the batch: their classes."""
    return {name: rows for name, rows in noise.items() if not _layer(network, name).drawn}


def _layer(network: nn.Module, name: str) -> Noise:
    layer = network.get_submodule(name)
    assert isinstance(layer, Noise)
    return layer
