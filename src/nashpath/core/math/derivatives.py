"""Derivatives in samples, which are differentiated in their turn by whoever prices them."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.func import grad, vjp, vmap

from nashpath.core.torch_compat import is_first_order, twice_differentiated


def derivative(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """``∇ Σ f(x)``, shaped like ``x``: each entry's own derivative where f acts on each (sample) alone."""
    return derivative_and_value(function, x)[0]


def derivative_and_value(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """``(∇ Σ f(x), f(x))``, in one pass; as `derivative`.

    By autograd where that may record it, which costs half of what `torch.func` does.
    """
    if is_first_order():
        return _recorded(function, x)

    def total(x: "Tensor") -> "tuple[Tensor, Tensor]":
        value = function(x)
        return value.sum(), value

    return grad(total, has_aux=True)(x)


def _recorded(function: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    again = torch.is_grad_enabled()
    with torch.enable_grad(), twice_differentiated():
        x = x if x.requires_grad else x.detach().requires_grad_()
        value = function(x)
        if not value.requires_grad:
            return torch.zeros_like(x), value
        (found,) = torch.autograd.grad(value.sum(), x, create_graph=again, allow_unused=True, materialize_grads=True)
    return found, value if again else value.detach()


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
