"""Optimistic Adam as an optimizer."""

from typing import Any

from torch import Tensor

from nashpath.solvers.optim.base import DropIn, Group, adam_moves
from nashpath.solvers.optim.ogda import optimistic


class OptimisticAdam(DropIn):
    """Optimistic Adam: a ``torch.optim`` optimizer that needs one gradient a step.

    ::

        u = Adam's move,   p ← p + u + optimism · (u − u_last),   u_last = u at first

    Reference: Daskalakis et al. 2018, Algorithm 1; optax ``optimistic_adam_v2`` (first step).
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        optimism: float = 1.0,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ):
        numbers = {"lr": lr, "betas": betas, "eps": eps, "optimism": optimism}
        super().__init__(params, {**numbers, "weight_decay": weight_decay, "maximize": maximize})

    def update(self, params: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        optimistic(self, params, adam_moves(self, params, gradients, group), group["optimism"])
