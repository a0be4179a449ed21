"""The base of the drop-in optimizers."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from nashpath.core.torch_compat import (
    foreach_add,
    foreach_add_,
    foreach_addcmul_,
    foreach_div,
    foreach_lerp_,
    foreach_mul_,
    foreach_neg,
    foreach_sqrt,
)

Group = dict[str, Any]


class DropIn(Optimizer):
    """An optimizer whose update is written for one parameter group. Abstract: subclasses write `update`."""

    def __init__(self, params: Any, defaults: Group):
        for name in ("lr", "eps", "weight_decay"):
            if not isinstance(defaults.get(name, 0.0), Tensor) and defaults.get(name, 0.0) < 0:
                raise ValueError(f"{name} is {defaults[name]}; it must not be negative")
        for name, beta in zip(("betas[0]", "betas[1]"), defaults.get("betas", ()), strict=False):
            if not 0 <= beta < 1:
                raise ValueError(f"{name} is {beta}; it must be in [0, 1)")
        super().__init__(params, defaults)

    def update(self, params: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        """Moves ``params`` in place. ``gradients`` must not be changed or kept: they are the caller's."""
        raise NotImplementedError

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step; returns what ``closure`` returned, if it was given."""
        loss = call_closure(closure)
        for group in self.param_groups:
            params, gradients = parameters_with_gradients(group)
            if params:
                self.update(params, gradients, group)
        return loss

    def collect(self, params: list[Tensor], name: str) -> list[Tensor]:
        """One tensor a parameter from the state, zeros at first."""
        for p in params:
            if name not in self.state[p]:
                self.state[p][name] = torch.zeros_like(p, memory_format=torch.preserve_format)
        return [self.state[p][name] for p in params]


def call_closure(closure: Callable[[], Any] | None) -> Any:
    """The closure's result, computed with gradients on; None without a closure."""
    if closure is None:
        return None
    with torch.enable_grad():
        return closure()


def parameters_with_gradients(group: Group) -> tuple[list[Tensor], list[Tensor]]:
    """The parameters of a group that have a gradient, and those gradients after ``maximize`` and ``weight_decay``."""
    params = [p for p in group["params"] if p.grad is not None]
    gradients = [p.grad for p in params]
    if any(g.is_sparse for g in gradients):
        raise RuntimeError("a gradient is sparse, which this optimizer does not support; use sparse=False")
    if group["maximize"]:
        gradients = list(foreach_neg(gradients)) if gradients else gradients
    if group["weight_decay"] != 0 and gradients:
        gradients = list(foreach_add(gradients, params, alpha=group["weight_decay"]))
    return params, gradients


def adam_moves(
    optimizer: DropIn, params: list[Tensor], gradients: list[Tensor], group: Group, corrected: bool = True
) -> list[Tensor]:
    """Adam's steps, not yet taken; renews the moments.

    ::

        corrected   −lr / (1 − b1ᵗ) · m / (sqrt(v / (1 − b2ᵗ)) + eps)         as torch.optim.Adam
        else        −lr · sqrt(1 − b2ᵗ) / (1 − b1ᵗ) · m / (sqrt(v) + eps)     as the authors of ExtraAdam
    """
    b1, b2 = group["betas"]
    first, second = optimizer.collect(params, "first"), optimizer.collect(params, "second")
    foreach_lerp_(first, gradients, 1 - b1)
    foreach_mul_(second, b2)
    foreach_addcmul_(second, gradients, gradients, 1 - b2)
    sizes: list[float] = []
    least: list[float] = []
    for p in params:
        count = optimizer.state[p]["step"] = optimizer.state[p].get("step", 0) + 1
        bias = (1 - b2**count) ** 0.5
        sizes.append(-group["lr"] * bias / (1 - b1**count))
        least.append(group["eps"] * bias if corrected else group["eps"])
    spread = foreach_sqrt(second)
    foreach_add_(spread, least)
    moves = foreach_div(first, spread)
    foreach_mul_(moves, sizes)
    return list(moves)
