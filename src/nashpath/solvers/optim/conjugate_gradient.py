"""Conjugate-gradient directions as an optimizer, with the formulas of the rule of the same name."""

from typing import Any

from torch import Tensor

from nashpath.core.torch_compat import foreach_add_, foreach_copy_, foreach_mul_, foreach_sub_
from nashpath.solvers.optim.base import DropIn, Group
from nashpath.solvers.rules.betas import BETAS, Beta, Products, capped


class NonlinearCG(DropIn):
    """Nonlinear conjugate-gradient directions, with β capped from above: a ``torch.optim`` optimizer.

    ::

        d ← −g + coefficient · min(β, cap) · d,   d₀ = −g₀;   p ← p + lr · d

    ``beta`` is one of FR, PRP, HS, DY, FR-PRP, HS-DY, HZ; equations, ``cap``, ``guard`` and ``mu`` are those of
    `nashpath.solvers.ConjugateGradient`. β is computed for each tensor, or with ``whole`` once for each parameter
    group; ``nonnegative`` clips it at 0 from below. Raises `KeyError` for an unknown ``beta``, and `ValueError` for a
    negative rate.

    Reference: Naganuma and Iiduka 2022, Sec. 2.3.
    """

    def __init__(
        self,
        params: Any,
        lr: float,
        beta: Beta = "FR",
        *,
        cap: float = 0.5,
        coefficient: float = 1.0,
        guard: float = 1e-6,
        mu: float = 2.0,
        whole: bool = False,
        nonnegative: bool = False,
        weight_decay: float = 0.0,
        maximize: bool = False,
    ):
        BETAS[beta]
        names = {"lr": lr, "beta": beta, "cap": cap, "coefficient": coefficient, "guard": guard, "mu": mu}
        switches = {"whole": whole, "nonnegative": nonnegative, "maximize": maximize}
        super().__init__(params, {**names, **switches, "weight_decay": weight_decay})

    def update(self, params: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        last, direction = self.collect(params, "gradient"), self.collect(params, "direction")
        products = Products(gradients, last, direction, group["whole"], group["guard"], group["mu"])
        beta = capped(BETAS[group["beta"]](products), group["cap"], group["nonnegative"])
        shares = (group["coefficient"] * beta).expand(len(params)).unbind()
        foreach_mul_(direction, shares)
        foreach_sub_(direction, gradients)
        foreach_copy_(last, gradients)
        foreach_add_(params, direction, alpha=group["lr"])
