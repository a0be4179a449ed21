"""The base of diagnostics: a pure function from a game, a point and batches to named readings."""

from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Batch, FunctionalGame, Point, Tree, pick
from nashpath.core import tree as trees
from nashpath.core.contracts import gives, in_few_words, no_scalar

Readings = dict[str, Tensor]
"""Readings of a diagnostic, by name."""


def _no_readings(result: object, diagnostic: "Diagnostic", *given: object) -> str:
    """What is wrong with readings."""
    if not isinstance(result, dict):
        return f"returns {in_few_words(result)}, not a dict of readings by name"
    for name, value in result.items():
        if not any(name == known or str(name).startswith(f"{known}.") for known in diagnostic.readings):
            known = ", ".join(diagnostic.readings) or "none"
            return f"returns {name!r}, which is none of its readings ({known}): name it there"
        if said := no_scalar(value):
            return f"{said.replace('returns', f'returns as {name!r}')}: one number a reading"
    return ""


class Diagnostic:
    """One measurement of a game at a point. Pure: no parameter, buffer or random state is touched.

    ``batches`` holds `draws` batches along its first axis, as `Game.draw(key, (draws,))` makes them.
    """

    draws: int = 1
    """Number of independent batches that it is evaluated on."""

    stackable: ClassVar[bool] = True
    """Whether it runs under `vmap`, and so on a whole population at once."""

    readings: ClassVar[tuple[str, ...]] = ()
    """The names of its readings, without the ``.<player>`` or ``.<solver>`` that may follow."""

    @gives(_no_readings, pure=True)
    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        """The readings of one member."""
        raise NotImplementedError


def field(problem: FunctionalGame, point: Point, batch: Batch) -> dict[str, Tree]:
    """The game's vector field ξ on one batch: every player's gradient of its own cost, at the same point."""
    return {who: problem.gradient(who, point, batch).gradient for who in problem.players}


def mean_field(problem: FunctionalGame, point: Point, batches: Batch, draws: int) -> dict[str, Tree]:
    """The field averaged over ``draws`` batches."""
    fields = [field(problem, point, pick(batches, k)) for k in range(draws)]
    return trees.tree_map(lambda *leaves: torch.stack(leaves).mean(0), *fields)


def flatten(tree: object) -> Tensor:
    """All players' parameters, or a field, or one player's own, as one vector."""
    return torch.cat([v.reshape(-1) for v in trees.leaves(tree)])
