"""The base of toy games: players that are plain vectors, without randomness, and answers that are known."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from nashpath.core import Batch, DataSweep, Game, Key
from nashpath.core.contracts import gives, no_scalar

ORIGIN: Mapping[str, float] = {"generator": 0.0, "discriminator": 0.0}
"""An equilibrium at which every coordinate of both players is zero."""

PointKind = Literal["local Nash", "local minimax", "neither"]
"""What a stationary point is, whatever the rates: the first that applies.

Local Nash: nobody gains by a small move alone. Local minimax: no small move of the generator pays once the
discriminator has answered it nearby (Jin et al. 2020, Definition 14). Every local Nash point is a local minimax point.
"""


class Truth(NamedTuple):
    """What is known for certain about one stationary point of a game: where it is, its kind, and who says so."""

    point: Mapping[str, tuple[float, ...]]
    kind: PointKind
    source: str

    def __str__(self) -> str:
        place = "; ".join(f"{who} ({', '.join(f'{v:g}' for v in self.point[who])})" for who in sorted(self.point)[::-1])
        return f"{self.kind} at {place} [{self.source}]"


def kind_at(point: Mapping[str, Any], truth: Sequence[Truth]) -> PointKind | Literal[""]:
    """The kind of a point, a number or vector a player, by what is known of it; empty where that is nothing."""
    for known in truth:
        pairs = [(torch.as_tensor(known.point[who]), torch.as_tensor(point[who])) for who in known.point]
        if all(torch.allclose(own.double(), its.double().expand_as(own)) for own, its in pairs):
            return known.kind
    return ""


def descent(
    generator: float, discriminator: float | None = None, solver: str = "alternating"
) -> Mapping[str, Mapping[str, Any]]:
    """Default methods of a toy: plain gradient descent at these learning rates (one: both players)."""
    rates = {"generator": generator, "discriminator": generator if discriminator is None else discriminator}
    rules = {f"solver.{who}": {"kind": "sgd", "learning_rate": rate} for who, rate in rates.items()}
    return {"solver": {"kind": solver}, **rules}


class KnownGame(Game):
    """A game whose answers are known: `truth`; its ``defaults`` are a play that shows them."""

    @property
    def truth(self) -> tuple[Truth, ...]:
        """The stationary points that are known for certain, under these settings."""
        return ()


class Vector(nn.Module):
    """A player whose strategy is a vector, its only parameter ``value``."""

    def __init__(self, value: Sequence[float] | Tensor):
        super().__init__()
        self.value = nn.Parameter(torch.as_tensor(value, dtype=torch.get_default_dtype()).clone())


class ZeroSum(KnownGame):
    """A zero-sum game between vectors: the generator ``x`` minimises ``value``, the discriminator ``y`` maximises.

    ``equilibrium`` is the stationary point that distances are measured from; what it is stands in `truth`.
    """

    equilibrium = ORIGIN
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = descent(0.1)

    def __init__(self, x: Sequence[float] | Tensor, y: Sequence[float] | Tensor):
        super().__init__()
        self.generator, self.discriminator = Vector(x), Vector(y)

    @gives(no_scalar, pure=True)
    def value(self, x: Tensor, y: Tensor) -> Tensor:
        """The value f(x, y) that x pays to y, a scalar."""
        raise NotImplementedError

    def at(self, kind: PointKind, source: str) -> tuple[Truth, ...]:
        """The known point is of this kind: a `truth` of one entry."""
        point: dict[str, tuple[float, ...]] = {}
        for who in self.players:
            known = (self.equilibrium or ORIGIN)[who]
            size = self.get_submodule(who).get_parameter("value").numel()
            point[who] = tuple(known) if isinstance(known, Sequence) else (float(known),) * size
        return (Truth(point, kind, source),)

    @property
    def sweep(self) -> DataSweep:
        return DataSweep(1, 1)

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        return {}

    def forward(self, player: str, batch: Batch) -> Tensor:
        value = self.value(self.generator.value, self.discriminator.value)
        return value if player == "generator" else -value
