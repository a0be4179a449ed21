"""Batches, step by step: each is a pure function of the member's key and the number of the step.

Inside a compiled step nothing else is needed. Outside of one, batches of a block of steps are drawn in one vectorised
call, which amortises the cost of drawing; how long a block is changes no number. A draw that cannot be traced (data
that stay on the disk, a game of one's own that goes through NumPy) is called for each step and member.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import vmap

from nashpath.core import Batch, Game, Key, pick, tree_map
from nashpath.core.key import Asked, Plan, words_of
from nashpath.core.tree import leaves
from nashpath.core.typed import named_modules

BLOCK_BYTES = 1 << 24
BLOCK_STEPS = 64

STREAM = "draws"
"""The stream of a member's training batches."""


def probe(game: Game, draws: int, device: torch.device) -> Batch:
    """The batches of one step under a fixed key. Raises `TypeError` where a game draws with PyTorch's generators."""
    return _drawn(game, Key(0, STREAM, device), draws)


def _drawn(game: Game, key: Key, draws: int) -> Batch:
    try:
        return game.draw(key, (draws,))
    except (TypeError, AttributeError) as error:
        if "generator" not in str(error) and "Key" not in str(error):
            raise
        raise TypeError(
            f"{type(game).__name__}.draw (or its data's) uses its key as a torch.Generator; a key makes the numbers "
            f"itself: key.normal(*shape), key.uniform(*shape), key.integers(high, *shape) ({error})"
        ) from error


class Sampler:
    """The batches of all members of a program, in its ``steps``' order.

    ``games`` are of one structure, ``seeds`` theirs. ``alike`` says whether one game's draw is that of all of them, so
    that it can be called for all at once; ``traced`` whether it is made of tensor operations alone.
    """

    def __init__(
        self, games: Sequence[Game], draws: int, seeds: Sequence[int], device: torch.device, stream: str = STREAM
    ):
        self.games, self.draws, self.device = list(games), draws, device
        self.words = [words_of(seed, stream, device) for seed in seeds]
        log: list[Asked] = []
        one = _drawn(games[0], Key.of(words_of(0, STREAM, device), log=log), draws)
        self.plan = Plan(log, device)
        self.traced = _traces(games[0], draws, device, one)
        self.alike = len(games) == 1 or _alike(self.games, draws, device, one)
        size = sum(v.numel() * v.element_size() for v in leaves(one)) * len(games)
        self.length = max(1, min(BLOCK_STEPS, BLOCK_BYTES // max(1, size))) if self.traced else 1

    def keys(self, stacked: bool) -> Any:
        """What a step that draws for itself is given: the words of every member's key, one tensor where ``stacked``."""
        return torch.stack(self.words) if stacked else self.words

    def step(self, member: int, step: int) -> Batch:
        """The batches of one member at one step."""
        return self.games[member].draw(self.plan.key(self.words[member], step), (self.draws,))

    def block(self, first: int, count: int, stacked: bool) -> list[Any]:
        """The batches of steps ``first`` to ``first + count − 1``: a list over steps of those of all members.

        ``stacked`` gives one tree a step with a leading member axis, else a list over members.
        """
        if not self.traced:
            each = [[self.step(i, k) for i in range(len(self.games))] for k in range(first, first + count)]
            return [tree_map(lambda *own: torch.stack(own), *step) for step in each] if stacked else each
        steps = torch.arange(first, first + count, device=self.device)
        if stacked and self.alike:
            both = vmap(vmap(self._draw(self.games[0]), (0, None)), (None, 0))(torch.stack(self.words), steps)
            return [pick(both, k) for k in range(count)]
        blocks = [vmap(self._draw(game), (None, 0))(own, steps) for game, own in zip(self.games, self.words)]
        if stacked:
            joint = tree_map(lambda *own: torch.stack(own, 1), *blocks)
            return [pick(joint, k) for k in range(count)]
        return [[pick(block, k) for block in blocks] for k in range(count)]

    def _draw(self, game: Game) -> Any:
        return lambda words, step: game.draw(self.plan.key(words, step), (self.draws,))


def _traces(game: Game, draws: int, device: torch.device, one: Batch) -> bool:
    """Whether the draw works on steps that are no numbers, and then gives what it gives for each."""
    words, steps = words_of(0, STREAM, device), torch.zeros(1, dtype=torch.int64, device=device)
    try:
        found = vmap(lambda step: game.draw(Key.of(words, step), (draws,)))(steps)
    except Exception:  # whatever a draw of the user's may raise there; asked for one step at a time it is right
        return False
    return _equal(pick(found, 0), one)


def _equal(a: Any, b: Any) -> bool:
    ours, theirs = leaves(a), leaves(b)
    return len(ours) == len(theirs) and all(
        x.shape == y.shape and torch.allclose(x, y, equal_nan=True) for x, y in zip(ours, theirs)
    )


def _alike(games: list[Game], draws: int, device: torch.device, one: Batch) -> bool:
    """Whether every game draws as the first does: what it holds is the same, and so is what its numbers lead to."""
    held, seen = _held(games[0]), {_numbers(games[0])}
    for game in games[1:]:
        own = _held(game)
        if own.keys() != held.keys() or not all(_same(held[name], own[name]) for name in held):
            return False
        numbers = _numbers(game)
        if numbers not in seen and not _equal(probe(game, draws, device), one):
            return False
        seen.add(numbers)
    return True


_MODULE = frozenset(vars(nn.Module()))


def _held(game: Game) -> dict[str, Any]:
    """The attributes, besides tensors and modules, of all modules of a game that draw."""
    drawing = [(where, module) for where, module in named_modules(game) if hasattr(module, "draw")]
    return {f"{where}.{k}": v for where, module in drawing for k, v in vars(module).items() if k not in _MODULE}


def _numbers(game: Game) -> bytes:
    """The small buffers of all modules of a game that draw: their hyper-parameters."""
    drawing = [module for _, module in named_modules(game) if hasattr(module, "draw")]
    small = [v for module in drawing for v in module.buffers(recurse=False) if v.numel() <= 64]
    return b"".join(v.detach().cpu().contiguous().numpy().tobytes() for v in small)


def _same(a: Any, b: Any, depth: int = 12) -> bool:
    """Whether two objects are one, or hold the same; what is not plainly so is not."""
    if a is b:
        return True
    if type(a) is not type(b) or not depth:
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and a.device == b.device and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return np.array_equal(a, b)
    if isinstance(a, bool | int | float | str | bytes | torch.device | torch.dtype | Path):
        return bool(a == b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(_same(x, y, depth - 1) for x, y in zip(a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k], depth - 1) for k in a)
    return hasattr(a, "__dict__") and not callable(a) and _same(vars(a), vars(b), depth - 1)
