"""Walks over trees of tensors, and arithmetic on parameter trees (flat dicts from a parameter's name to its tensor).

A tree is a dict, a list, a tuple (named or not), or a leaf: anything else, None included. A walk goes through a dict in
its own order, so equal trees that were built in different orders still match name by name.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, TypeGuard, TypeVar, cast

import torch
from torch import Tensor

from nashpath.core.torch_compat import foreach_norm, is_outermost, laid_together
from nashpath.core.typed import vector_norm

Tree = dict[str, Tensor]
Steps = tuple[str | int, ...]
"""The path of a leaf: the keys, field names and indices that lead to it."""
T = TypeVar("T")


def tree_map(function: Callable[..., Any], first: T, *rest: T) -> T:
    """Applies ``function`` leaf by leaf to trees of equal structure; a dict of any class comes back as a plain dict.

    Raises `ValueError` where a tree of ``rest`` has other keys, another length or another kind of node than ``first``.
    """
    return cast(T, _map(function, first, rest))


def _map(function: Callable[..., Any], tree: Any, rest: Sequence[Any]) -> Any:
    if _is_dict(tree):
        for other in rest:
            if not _is_dict(other) or tree.keys() != other.keys():
                raise ValueError(f"trees of different structure: {_form(tree)} beside {_form(other)}")
        return {k: _map(function, v, [other[k] for other in rest]) for k, v in tree.items()}
    if _is_row(tree):
        for other in rest:
            if type(other) is not type(tree) or len(other) != len(tree):
                raise ValueError(f"trees of different structure: {_form(tree)} beside {_form(other)}")
        mapped = [_map(function, v, [other[i] for other in rest]) for i, v in enumerate(tree)]
        return type(tree)(*mapped) if hasattr(tree, "_fields") else type(tree)(mapped)
    return function(tree, *rest)


def _is_dict(tree: object) -> TypeGuard[dict[Any, Any]]:
    return isinstance(tree, dict)


def _is_row(tree: object) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    return isinstance(tree, list | tuple)


def _form(tree: Any) -> str:
    """A node in a few words."""
    if _is_dict(tree):
        return f"a dict of {', '.join(map(str, tree)) or 'nothing'}"
    return f"a {type(tree).__name__}" + (f" of {len(tree)}" if _is_row(tree) else "")


def leaves(tree: object) -> list[Any]:
    """All leaves of a tree, in a fixed order."""
    if _is_dict(tree):
        return [leaf for v in tree.values() for leaf in leaves(v)]
    if _is_row(tree):
        return [leaf for v in tree for leaf in leaves(v)]
    return [tree]


def tensor_leaves(tree: object) -> list[Tensor]:
    """All leaves of a tree that are tensors, in the order of `leaves`."""
    return [leaf for leaf in leaves(tree) if isinstance(leaf, Tensor)]


def located_leaves(tree: Any, before: Steps = ()) -> Iterator[tuple[Steps, Any]]:
    """``(steps, leaf)`` of every leaf, in the order of `leaves`; a step is a dict's key, a field's name or a place."""
    if _is_dict(tree):
        entries = list(tree.items())
    elif _is_row(tree):
        entries = list(zip(getattr(tree, "_fields", range(len(tree))), tree))
    else:
        yield before, tree
        return
    for step, value in entries:
        yield from located_leaves(value, (*before, step))


class TreeForm:
    """The form of a tree, found once: trees of this form are then taken apart, and put together, in few calls.

    ``kept`` says which leaves they differ by (default: tensors). All others are those of the tree that it was found in.
    A dict's leaves are found by their keys, in whatever order a later one has them.
    """

    def __init__(self, tree: Any, kept: Callable[[object], bool] = torch.is_tensor):
        self._take, self._put = _taker([tree], kept), _putter([tree], kept)  # so a leaf alone needs no case of its own

    def leaves(self, tree: Any) -> list[Any]:
        """The kept leaves of a tree of this form, in the order of `leaves` of the first one.

        Raises `LookupError` where it lacks one.
        """
        found: list[Any] = []
        self._take([tree], found)
        return found

    def filled(self, values: Iterable[Any]) -> Any:
        """A tree of this form with these leaves, of which there are as many as `leaves` finds."""
        return self._put(iter(values))[0]


def _taker(tree: Any, kept: Callable[[object], bool]) -> Callable[[Any, list[Any]], None]:
    """What appends the kept leaves of a node to a list."""
    entries: Any = tree.items() if _is_dict(tree) else enumerate(tree)
    parts: list[tuple[Any, Any]] = list(entries)
    nodes = {key: _taker(part, kept) for key, part in parts if _is_dict(part) or _is_row(part)}
    own = [key for key, part in parts if key in nodes or kept(part)]
    if len(own) > 1 and not nodes:
        together = itemgetter(*own)
        return lambda tree, found: found.extend(together(tree))

    def take(tree: Any, found: list[Any]) -> None:
        for key in own:
            if key in nodes:
                nodes[key](tree[key], found)
            else:
                found.append(tree[key])

    return take


def _putter(tree: Any, kept: Callable[[object], bool]) -> Callable[[Iterator[Any]], Any]:
    """What makes a node of the leaves that come next."""
    parts = list(tree.values() if _is_dict(tree) else tree)
    makers = [
        _putter(part, kept) if _is_dict(part) or _is_row(part) else next if kept(part) else _always(part)
        for part in parts
    ]
    count = len(makers) if all(make is next for make in makers) else None

    def each(left: Iterator[Any]) -> Iterable[Any]:
        return [make(left) for make in makers] if count is None else islice(left, count)

    if _is_dict(tree):
        keys = list(tree)
        return lambda left: dict(zip(keys, each(left), strict=True))
    kind = cast(Any, type(tree))
    return (lambda left: kind(*each(left))) if hasattr(tree, "_fields") else lambda left: kind(each(left))


def _always(value: Any) -> Callable[[Iterator[Any]], Any]:
    return lambda left: value


def zeros(tree: Tree) -> Tree:
    """A fresh tree of zeros of the same shapes; no two leaves share memory."""
    return {k: torch.zeros_like(v) for k, v in tree.items()}


def add(a: Tree, b: Tree, scale: float | Tensor = 1.0) -> Tree:
    """``a + scale · b``."""
    if isinstance(scale, float) and scale == 1.0:
        return {k: v + b[k] for k, v in a.items()}
    return {k: v + scale * b[k] for k, v in a.items()}


def scale(a: Tree, factor: float | Tensor) -> Tree:
    """``factor · a``."""
    return {k: factor * v for k, v in a.items()}


def dot(a: Tree, b: Tree) -> Tensor:
    """The inner product ``Σ aᵢ bᵢ`` over all leaves, a scalar."""
    return torch.stack([(v * b[k]).sum() for k, v in a.items()]).sum()


def norm(tree: object) -> Tensor:
    """The Euclidean norm over all floating-point leaves, a scalar."""
    found = _floats(tree)
    few = len(found) > 1 and is_outermost() and _small(found)
    return vector_norm(laid_together(found) if few else torch.stack(leaf_norms(found)))


def leaf_norms(tree: object) -> list[Tensor]:
    """The Euclidean norm of each floating-point leaf, in one call where nothing differentiates, batches or compiles."""
    found = _floats(tree)
    return list(foreach_norm(found)) if found and is_outermost() else [vector_norm(v) for v in found]


def _floats(tree: object) -> list[Tensor]:
    return [v for v in leaves(tree) if v.is_floating_point()]


SMALL = 1 << 15
"""Numbers up to which laying tensors together and taking one norm takes half the time of a norm of each."""


def _small(tensors: list[Tensor]) -> bool:
    return tensors[0].device.type == "cpu" and sum(v.numel() for v in tensors) <= SMALL


def finite(tree: object) -> Tensor:
    """Whether every floating-point number of the tree is finite, a 0-d boolean tensor; one pass a leaf."""
    largest = [vector_norm(v, float("inf")) for v in leaves(tree) if v.is_floating_point() and v.numel()]
    return torch.isfinite(torch.stack(largest)).all() if largest else torch.tensor(True)
