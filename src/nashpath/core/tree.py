"""Walks over trees of tensors, and arithmetic on parameter trees (flat dicts from a parameter's name to its tensor).

A tree is a dict, a list, a tuple (named or not), or a leaf: anything else, None included. A walk goes through a dict in
its own order, so equal trees that were built in different orders still match name by name.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeGuard, TypeVar, cast

import torch
from torch import Tensor

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


def norm(a: Tree) -> Tensor:
    """The Euclidean norm over all leaves, a scalar."""
    return vector_norm(torch.stack([vector_norm(v) for v in a.values()]))


def largest_magnitudes(tree: object) -> list[Tensor]:
    """The largest magnitude of each floating-point leaf: NaN or infinite exactly if some entry is."""
    return [vector_norm(v, float("inf")) for v in leaves(tree) if v.is_floating_point() and v.numel()]


def finite(tree: object) -> Tensor:
    """Whether every floating-point number of the tree is finite, a 0-d boolean tensor; one pass a leaf."""
    largest = largest_magnitudes(tree)
    return torch.isfinite(torch.stack(largest)).all() if largest else torch.tensor(True)
