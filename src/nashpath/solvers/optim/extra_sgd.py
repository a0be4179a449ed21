"""Extragradient as an optimizer."""

from typing import Any

from torch import Tensor

from nashpath.core.torch_compat import foreach_add_, foreach_mul, foreach_mul_
from nashpath.solvers.optim.base import Group
from nashpath.solvers.optim.extra import Extrapolating


class ExtraSGD(Extrapolating):
    """Extragradient with plain or momentum SGD: a ``torch.optim`` optimizer with `extrapolation` and `step`.

    ::

        b ← momentum · b + g,   move = −lr · b,   at both half-steps

    Reference: Korpelevich 1976; Gidel et al. 2019, Algorithm 3; GauthierGidel/Variational-Inequality-GAN
    ``optim/extragradient.py``.
    """

    def __init__(
        self, params: Any, lr: float, *, momentum: float = 0.0, weight_decay: float = 0.0, maximize: bool = False
    ):
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "maximize": maximize})

    def moves(self, params: list[Tensor], gradients: list[Tensor], group: Group) -> list[Tensor]:
        if group["momentum"] == 0:
            return list(foreach_mul(gradients, -group["lr"]))
        buffers = self.collect(params, "momentum")
        foreach_mul_(buffers, group["momentum"])
        foreach_add_(buffers, gradients)
        return list(foreach_mul(buffers, -group["lr"]))
