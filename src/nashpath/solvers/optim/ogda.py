"""Optimistic gradient descent as an optimizer."""

from typing import Any

from torch import Tensor

from nashpath.core.torch_compat import foreach_add_, foreach_mul, foreach_mul_, foreach_sub
from nashpath.solvers.optim.base import DropIn, Group


class OGDA(DropIn):
    """Optimistic gradient descent: a ``torch.optim`` optimizer that needs one gradient a step.

    ::

        p ← p − lr · (g + optimism · (g − g_last)),   g_last = g at first

    Reference: Daskalakis et al. 2018, Eq. 8; optax ``optimistic_gradient_descent``.
    """

    def __init__(
        self, params: Any, lr: float, *, optimism: float = 1.0, weight_decay: float = 0.0, maximize: bool = False
    ):
        super().__init__(params, {"lr": lr, "optimism": optimism, "weight_decay": weight_decay, "maximize": maximize})

    def update(self, params: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        moves = list(foreach_mul(gradients, -group["lr"]))
        optimistic(self, params, moves, group["optimism"])


def optimistic(optimizer: DropIn, params: list[Tensor], moves: list[Tensor], optimism: float) -> None:
    """Takes ``move + optimism · (move − last move)``, and remembers the move (which must be in fresh tensors)."""
    last = [optimizer.state[p].get("move", move) for p, move in zip(params, moves, strict=True)]
    change = foreach_sub(moves, last)
    foreach_mul_(change, optimism)
    foreach_add_(change, moves)
    foreach_add_(params, change)
    for p, move in zip(params, moves, strict=True):
        optimizer.state[p]["move"] = move
