"""Arithmetic on parameter trees: flat dicts from a parameter's name to its tensor."""

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree

Tree = dict[str, Tensor]
T = TypeVar("T")


def tree_map(function: Callable, first: T, *rest: T) -> T:
    """Applies ``function`` leaf by leaf to trees (dicts, tuples, lists) of equal structure."""
    return _pytree.tree_map(function, first, *rest)


def leaves(tree: object) -> list[Tensor]:
    """All tensors of a tree, in a fixed order."""
    return _pytree.tree_leaves(tree)


def zeros(tree: Tree) -> Tree:
    """A fresh tree of zeros of the same shapes; no two leaves share memory."""
    return {k: torch.zeros_like(v) for k, v in tree.items()}


def add(a: Tree, b: Tree, scale: float | Tensor = 1.0) -> Tree:
    """``a + scale · b``."""
    return {k: v + scale * b[k] for k, v in a.items()}


def scale(a: Tree, factor: float | Tensor) -> Tree:
    """``factor · a``."""
    return {k: factor * v for k, v in a.items()}


def dot(a: Tree, b: Tree) -> Tensor:
    """The inner product ``Σ aᵢ bᵢ`` over all leaves, a scalar."""
    return torch.stack([(v * b[k]).sum() for k, v in a.items()]).sum()


def norm(a: Tree) -> Tensor:
    """The Euclidean norm over all leaves, a scalar."""
    return torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(v) for v in a.values()]))


def finite(tree: object) -> Tensor:
    """Whether every floating-point number of the tree is finite, a 0-d boolean tensor.

    One pass a leaf: the largest magnitude is NaN or infinite exactly if some entry is.
    """
    largest = [torch.linalg.vector_norm(v, float("inf")) for v in leaves(tree) if v.is_floating_point() and v.numel()]
    return torch.stack([torch.isfinite(v) for v in largest]).all() if largest else torch.tensor(True)


def part(tree: Tree, prefix: str) -> Tree:
    """The entries below ``prefix``, with the prefix taken off."""
    return {k[len(prefix) :]: v for k, v in tree.items() if k.startswith(prefix)}


def prefixed(tree: Tree, prefix: str) -> Tree:
    """The same tree with ``prefix`` before each name."""
    return {prefix + k: v for k, v in tree.items()}
