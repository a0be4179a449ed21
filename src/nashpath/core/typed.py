"""Typed doors to functions of torch and safetensors whose own annotations leave arguments or results open."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.func import grad, vjp, vmap


def vector_norm(x: Tensor, order: float = 2.0) -> Tensor:
    """``(Σ |xᵢ|^order)^(1/order)`` over all entries, a scalar; the largest magnitude where ``order`` is infinite."""
    return torch.linalg.vector_norm(x, order)


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


def derivative(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``∇ Σ f(x)``, shaped like ``x``: each entry's own derivative where f acts on each (sample) alone."""

    def total(x: "Tensor") -> "Tensor":
        return function(x).sum()

    return grad(total)(x)


def derivative_and_value(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """``(∇ Σ f(x), f(x))``, in one pass; as `derivative`."""

    def total(x: "Tensor") -> "tuple[Tensor, Tensor]":
        value = function(x)
        return value.sum(), value

    return grad(total, has_aux=True)(x)


def squared_jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``‖∂f(xᵢ)/∂xᵢ‖_F²`` of each sample, [batch], where f maps each alone to features, [batch, …]."""
    found: Any = vjp(function, x)
    value, pull = found[0], found[1]
    rows = value.reshape(len(value), -1)
    basis = torch.eye(rows.shape[1], dtype=value.dtype, device=value.device)
    directions = basis[:, None].expand(-1, len(value), -1).reshape(-1, *value.shape)

    def back(direction: "Tensor") -> "Tensor":
        return pull(direction)[0]

    return vmap(back)(directions).square().sum(0).flatten(1).sum(1)


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
