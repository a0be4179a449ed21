"""Typed doors to functions of torch and safetensors whose own annotations leave arguments or results open."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn


def vector_norm(x: Tensor, order: float = 2.0, dim: int | None = None) -> Tensor:
    """``(Σ |xᵢ|^order)^(1/order)`` over one axis, or over all entries; the largest magnitude where it is infinite."""
    return torch.linalg.vector_norm(x, order, dim)


def split(x: Tensor, sizes: int | list[int]) -> tuple[Tensor, ...]:
    """Consecutive parts of ``x`` along its first axis, of one size (the last may be smaller) or of the given sizes."""
    return x.split(sizes)


def tensordot(a: Tensor, b: Tensor) -> Tensor:
    """``Σ_k a[..., k] b[k, ...]``: the last axis of ``a`` against the first of ``b``."""
    return torch.tensordot(a, b, dims=1)


def at_least(x: Tensor, dimensions: int) -> Tensor:
    """``x`` with axes of length 1 put in front until it has that many."""
    return x.reshape((1,) * (dimensions - x.dim()) + tuple(x.shape))


def named_modules(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every module below ``module`` by qualified name, itself (named "") included."""
    return module.named_modules()


def leading_eigenvector(symmetric: Tensor) -> Tensor:
    """The unit eigenvector of the largest eigenvalue of a symmetric matrix."""
    return torch.linalg.eigh(symmetric).eigenvectors[:, -1]


def normal_share(x: Tensor) -> Tensor:
    """``Φ(x)``, elementwise: of N(0, 1) it makes U[0, 1]."""
    return torch.special.ndtr(x)


def normal_quantile(share: Tensor) -> Tensor:
    """``Φ⁻¹(share)``, elementwise."""
    return torch.special.ndtri(share)


def kept_random_state() -> AbstractContextManager[None]:
    """Within this block the global CPU generator may be used; then it is as it was."""
    return torch.random.fork_rng(devices=[])


def load_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file."""
    return load_file(path)


def tensor_bytes(tensors: dict[str, Tensor]) -> bytes:
    """The content of a safetensors file."""
    return save(tensors)
