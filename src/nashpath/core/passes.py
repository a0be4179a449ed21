"""What passes do to, and read of, what modules hold in Python; members that share a step must not differ in it."""

from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nashpath.core.game import FunctionalGame, Game, point_of
from nashpath.core.key import Key
from nashpath.core.likeness import python_state, state_differences
from nashpath.core.source import Source
from nashpath.core.torch_compat import function_parts, times_written
from nashpath.core.typed import named_modules

CURE = 'register a tensor or a count as a buffer (self.register_buffer("name", tensor))'


def told_apart(one: nn.Module, other: nn.Module, which: str, than: str) -> str:
    """In which attribute the second trial differs from the first, whose modules compute both; nothing where in none.

    Left out are data, which are drawn by each member itself, and what every turn overwrites before it reads it.
    """
    for part in ("game", "solver"):
        ours, theirs = one.get_submodule(part), other.get_submodule(part)
        for name in state_differences(ours, theirs):
            if not (isinstance(ours, Game) and _unread(ours, name)):
                return (
                    f"{name} differs between {than} and {which}, and is no parameter or buffer: members that are "
                    f"trained together share all else; {CURE}"
                )
    return ""


def turns(game: Game) -> list[Callable[[], Any]]:
    """The pricing of one batch by each player, at the game's present point."""
    problem, point = FunctionalGame(game), point_of(game)
    batch = game.draw(Key(0, "check", next(game.parameters()).device))
    return [partial(problem.loss, who, point, batch) for who in game.players]


@contextmanager
def with_its_tensors(module: nn.Module) -> Generator[None, None, None]:
    """After this block all modules hold the buffers of before; these and the parameters have the numbers of before."""
    kept = [(vars(m)["_buffers"], dict(vars(m)["_buffers"])) for _, m in named_modules(module)]
    tensors = [v for v in (*module.buffers(), *module.parameters()) if not is_lazy(v)]
    values = [(v, v.detach().clone()) for v in tensors]
    try:
        yield
    finally:
        for held, buffers in kept:
            held.clear()
            held.update(buffers)
        with torch.no_grad():
            for tensor, value in values:
                if tensor.shape != value.shape:
                    tensor.resize_(value.shape)
                tensor.copy_(value)


@contextmanager
def as_they_were(game: nn.Module) -> Generator[None, None, None]:
    """After this block all modules hold the buffers and the attributes that they held before."""
    kept = [(m, dict(vars(m))) for _, m in named_modules(game)]
    try:
        with with_its_tensors(game):
            yield
    finally:
        for module, attributes in kept:
            vars(module).clear()
            vars(module).update(attributes)


class _Marker:
    """In the place of an attribute: nothing can be done with it."""

    def __bool__(self) -> bool:
        raise TypeError("a marker")

    __eq__ = __hash__ = __iter__ = __len__ = None  # type: ignore[assignment]


def _unread(game: Game, name: str) -> bool:
    """Whether turns do without an attribute of data or of tensors, or overwrite it before they read it."""
    where, _, own = name.rpartition(".")
    held = vars(game.get_submodule(where))
    value, marker = held.get(own), _Marker()
    if not isinstance(value, Source) and not _of_tensors(value):
        return False
    try:
        with torch.no_grad(), as_they_were(game):
            every = turns(game)
            held[own] = marker
            for turn in every:
                turn()
            return True
    except Exception:  # whatever is done with it
        return False


def _of_tensors(value: Any) -> bool:
    """Whether it is a tensor, or a list, tuple or dict of such."""
    if isinstance(value, dict):
        value = list(cast("dict[Any, Any]", value).values())
    if isinstance(value, list | tuple):
        parts = cast("list[Any]", value)
        return bool(parts) and all(map(_of_tensors, parts))
    return isinstance(value, Tensor)


def changed_by_a_turn(game: Game) -> str:
    """The first attribute, no buffer, that turns change and read: a count, an average, a list that grows; or nothing.

    The game is as it was after it.
    """
    try:
        with torch.no_grad(), as_they_were(game):
            every = turns(game)
            seen: list[dict[str, Any]] = []
            for _ in range(2):
                for turn in every:
                    turn()
                seen.append(_seen(game))
            names = [name for name in {**seen[0], **seen[1]} if seen[0].get(name) != seen[1].get(name)]
    except Exception:  # whatever a turn of the user's may raise, the first step raises
        return ""
    return next((name for name in names if not _unread(game, name)), "")


def _seen(game: nn.Module) -> dict[str, Any]:
    """What every module holds in Python, such that it can be compared with what it holds later."""
    return {
        f"{where}.{name}".lstrip("."): _print(value)
        for where, module in named_modules(game)
        for name, value in python_state(module).items()
        if not isinstance(value, Source)
    }


def _print(value: Any, depth: int = 6) -> Any:
    """A value that can be compared: of tensors which they are, and how often they were written to."""
    if isinstance(value, bool | int | float | complex | str | bytes | None):
        return repr(value)
    if isinstance(value, Tensor):
        return _Same(value), times_written(value)
    given: Any = value
    if isinstance(value, np.ndarray):
        return given.tobytes() if given.size < 1e6 and not given.dtype.hasobject else _Same(value)
    if isinstance(value, nn.Module | Source) or not depth:
        return _Same(value)
    if isinstance(value, list | tuple | deque):
        return [_print(v, depth - 1) for v in given]
    if isinstance(value, dict):
        return [(_Same(k) if not isinstance(k, str | int) else k, _print(v, depth - 1)) for k, v in given.items()]
    parts = function_parts(value)
    if parts is not None:
        return _print(parts[1], depth - 1)
    if isinstance(value, set | frozenset):
        return len(given)
    return _Same(value), _print(getattr(value, "__dict__", None), depth - 1) if not isinstance(value, type) else None


class _Same:
    """An object that only itself is equal to; it is kept, so that no other takes its place."""

    def __init__(self, held: Any):
        self.held = held

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.held is self.held

    __hash__ = None  # type: ignore[assignment]
