"""Batches, step by step: each is a pure function of the member's key and the number of the step.

Inside a compiled step nothing else is needed. Outside of one, batches of a block of steps are drawn in one vectorised
call, which amortises the cost of drawing; how long a block is changes no number. A draw that cannot be traced (data
that stay on the disk, a game of one's own that goes through NumPy) is called for each step and member.
"""

import copy
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import vmap

from nashpath.core import Batch, Game, Key, pick, tree_map
from nashpath.core.key import Asked, FourWords, Plan, words_of
from nashpath.core.likeness import MODULE, hold_the_same
from nashpath.core.source import Indexed
from nashpath.core.torch_compat import call_with
from nashpath.core.tree import TreeForm, leaves, tensor_leaves
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
            f"{type(game).__name__}.draw (or its data's, its penalty's) uses its key as a torch.Generator; a key makes "
            f"the numbers itself: key.normal(*shape), key.uniform(*shape), key.integers(high, *shape) ({error})"
        ) from error


class DrawFunction(nn.Module):
    """A game's draw as a function of the member's key and of the member's own tensors (`own_tensors`)."""

    def __init__(self, game: Game, draws: int, plan: Plan):
        super().__init__()
        self.game, self.draws, self.plan = game, draws, plan

    def forward(self, key: Key) -> Batch:
        return self.game.draw(key, (self.draws,))

    def at(self, words: Tensor, tensors: dict[str, Tensor], step: Tensor) -> Batch:
        """The batches of one step; a pure function."""
        return call_with(self, dict(tensors), (self.plan.key(words, step),))

    def of(self, words: Tensor, tensors: dict[str, Tensor], step: Tensor, made: FourWords) -> Batch:
        """As `at`, of the words that the plan has `made` of this step."""
        return call_with(self, dict(tensors), (self.plan.key_of(words, step, made),))


def draw(game: Game, key: Key, count: int) -> Batch:
    """``count`` batches in the precision of the game's own parameters."""
    return in_precision(game, game.draw(key, (count,)))


def in_precision(game: Game, drawn: Batch) -> Batch:
    """The batches, in float64 where the game's parameters are."""
    return to_float64(drawn) if next(game.parameters()).dtype == torch.float64 else drawn


def to_float64(value: Any) -> Any:
    """The same module or tree in float64: curvatures need the digits."""
    if isinstance(value, nn.Module):
        return value.double()
    return tree_map(lambda v: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v, value)


def own_tensors(game: Game) -> dict[str, Tensor]:
    """What a draw may read of its member: all buffers but those of the players, below ``game.``."""
    players = tuple(f"{who}." for who in game.players)
    return {f"game.{name}": v.detach() for name, v in game.named_buffers() if not name.startswith(players)}


class Sampler:
    """The batches of all members of a program, in the order of their steps.

    ``games`` are of one structure, ``seeds`` theirs. ``traced`` says whether a draw is made of tensor operations alone,
    and ``alike`` whether besides one game's draw is that of all of them, up to `own_tensors`, so that it can be called
    for all at once.
    """

    def __init__(
        self, games: Sequence[Game], draws: int, seeds: Sequence[int], device: torch.device, stream: str = STREAM
    ):
        self.games, self.draws, self.device = list(games), draws, device
        self.words = [words_of(seed, stream, device) for seed in seeds]
        log: list[Asked] = []
        one = _drawn(games[0], Key.of(words_of(0, STREAM, device), log=log), draws)
        self.plan = Plan(log, device)
        self.drawings = [DrawFunction(game, draws, self.plan) for game in games]
        self.traced = _traces(self.drawings[0], device)
        self.alike = self.traced and all(_alike(games[0], game) for game in games[1:])
        size = sum(v.numel() * v.element_size() for v in leaves(one)) * len(games)
        self.length = max(1, min(BLOCK_STEPS, BLOCK_BYTES // max(1, size)))
        self.ahead = _Ahead(self) if not self.traced and any(map(_reads, games)) else None
        """Draws the next block beside the steps of this one, where that is reading and decoding."""

    def keys(self, stacked: bool) -> Any:
        """What a step that draws for itself is given of every member: the key's words, and its own tensors."""
        each = [(words, own_tensors(game)) for words, game in zip(self.words, self.games)]
        return tree_map(lambda *own: torch.stack(own), *each) if stacked else each

    def step(self, member: int, step: int) -> Batch:
        """The batches of one member at one step."""
        return self.games[member].draw(self.plan.key(self.words[member], step), (self.draws,))

    def block(self, first: int, count: int, stacked: bool) -> list[Any]:
        """The batches of steps ``first`` to ``first + count − 1``: a list over steps of those of all members.

        ``stacked`` gives one tree a step with a leading member axis, else a list over members.
        """
        if self.ahead is not None:
            return self.ahead.block(first, count, stacked)
        return self._block(self.drawings, first, count, stacked)

    def _block(self, drawings: Sequence["DrawFunction"], first: int, count: int, stacked: bool) -> list[Any]:
        steps = torch.arange(first, first + count, device=self.device)
        if stacked and self.alike:
            words, tensors = self.keys(stacked=True)
            made = tree_map(lambda *own: torch.stack(own), *(self.plan.made(own, steps) for own in self.words))
            each = vmap(vmap(drawings[0].of, (0, 0, None, 0)), (None, None, 0, 1))
            return _each(each(words, tensors, steps, made), count)
        blocks = [self._alone(drawings[i], i, steps) for i in range(len(self.games))]
        if stacked:
            return [tree_map(lambda *own: torch.stack(own), *(block[k] for block in blocks)) for k in range(count)]
        return [[block[k] for block in blocks] for k in range(count)]

    def _alone(self, drawing: "DrawFunction", member: int, steps: Tensor) -> list[Batch]:
        """One member's batches at each of ``steps``: in one vectorised call, or one by one from words made at once."""
        words = self.words[member]
        if self.traced:
            made = self.plan.made(words, steps)  # beforehand: there NumPy makes them, in a third of the time
            block = vmap(drawing.of, (None, None, 0, 0))(words, own_tensors(self.games[member]), steps, made)
            return _each(block, len(steps))
        return [drawing(key) for key in self.plan.keys(words, steps)]


def _each(batches: Batch, count: int) -> list[Batch]:
    """``count`` batches, which lie along the first axis, one by one."""
    form, parts = TreeForm(batches), [leaf.unbind() for leaf in tensor_leaves(batches)]
    return [form.filled(leaf[k] for leaf in parts) for k in range(count)]


class _Ahead:
    """The blocks of a sampler, each drawn while the steps of the one before are taken.

    A thread of its own draws, from copies of the games: a step puts its own tensors in the places of a game's while it
    runs. Which block is drawn ahead changes no number.
    """

    def __init__(self, sampler: Sampler):
        self.sampler = sampler
        self.drawings = [copy.deepcopy(drawing) for drawing in sampler.drawings]
        self.pool = ThreadPoolExecutor(1, "nashpath draw")
        self.asked: tuple[int, int, bool] | None = None
        self.drawn: Future[list[Any]] | None = None

    def block(self, first: int, count: int, stacked: bool) -> list[Any]:
        block = self._begun(first, count, stacked).result()
        self._begun(first + count, count, stacked)
        return block

    def _begun(self, first: int, count: int, stacked: bool) -> "Future[list[Any]]":
        if self.drawn is None or self.asked != (first, count, stacked):
            self.asked = first, count, stacked
            self.drawn = self.pool.submit(self.sampler._block, self.drawings, first, count, stacked)
        return self.drawn


def _reads(game: Game) -> bool:
    """Whether a game's samples are read from the disk when they are drawn."""
    source = getattr(game, "data", None)
    return isinstance(source, Indexed) and not source.indexable


def _traces(drawing: DrawFunction, device: torch.device) -> bool:
    """Whether the draw works on steps that are no numbers, and then gives what it gives for each of a few."""
    words, steps = words_of(0, STREAM, device), torch.arange(TRIED, device=device)
    try:
        found = vmap(drawing.at, (None, None, 0))(words, own_tensors(drawing.game), steps)
    except Exception:  # whatever a draw of the user's may raise there; asked for one step at a time it is right
        return False
    return all(_equal(pick(found, k), drawing(key)) for k, key in enumerate(drawing.plan.keys(words, steps)))


TRIED = 4
"""Steps at which a draw must give the same in a vectorised call: what is not pure is found by them."""


def _equal(a: Any, b: Any) -> bool:
    ours, theirs = leaves(a), leaves(b)
    return len(ours) == len(theirs) and all(
        x.shape == y.shape and torch.allclose(x, y, equal_nan=True) for x, y in zip(ours, theirs)
    )


def _alike(one: Game, other: Game) -> bool:
    """Whether two games differ, apart from their players and buffers, in nothing that a draw may read."""
    ours, theirs = _held(one), _held(other)
    return ours.keys() == theirs.keys() and all(hold_the_same(ours[name], theirs[name]) for name in ours)


def _held(game: Game) -> dict[str, Any]:
    """The attributes, besides buffers, of all modules of a game that belong to no player."""
    players = tuple(game.players)
    modules = [(where, module) for where, module in named_modules(game) if where.split(".")[0] not in players]
    found = {f"{where}.{k}": v for where, module in modules for k, v in vars(module).items() if k not in MODULE}
    return found | {f"{where}.{k}": v for where, m in modules for k, v in m.named_parameters(recurse=False)}


def following(game: Game, draws: int) -> Iterator[Batch]:
    """The batches of one step after the other, ``draws`` for each, in the precision of the game's own parameters."""
    sampler, done = Sampler([game], draws, [0], next(game.parameters()).device, "diagnosis"), 0
    while True:
        for (one,) in sampler.block(done, sampler.length, stacked=False):
            yield in_precision(game, one)
        done += sampler.length
