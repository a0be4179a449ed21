"""Extragradient with adaptive moments as an optimizer."""

from typing import Any

from torch import Tensor

from nashpath.solvers.optim.base import Group, adam_moves
from nashpath.solvers.optim.extra import Extrapolating


class ExtraAdam(Extrapolating):
    """ExtraAdam: a ``torch.optim`` optimizer with `extrapolation` and `step`; both renew the moments.

    ::

        m ← b1 m + (1 − b1) g,   v ← b2 v + (1 − b2) g²,   t ← t + 1,   at both half-steps
        move = −lr · sqrt(1 − b2ᵗ) / (1 − b1ᵗ) · m / (sqrt(v) + eps)

    Reference: Gidel et al. 2019, Algorithm 4; GauthierGidel/Variational-Inequality-GAN ``optim/extragradient.py``.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ):
        super().__init__(
            params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        )

    def moves(self, params: list[Tensor], gradients: list[Tensor], group: Group) -> list[Tensor]:
        return adam_moves(self, params, gradients, group, corrected=False)
