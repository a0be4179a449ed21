"""The formulas of nonlinear conjugate gradients, shared by the rule and by the ``torch.optim`` optimizer.

Each is an equation between inner products of the gradient g, the last gradient, their difference y and the last
direction d. All of these are vectors with one entry a tensor (or one entry in all), so one call serves a whole network.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from nashpath.core import Table

Beta = Literal["FR", "PRP", "HS", "DY", "FR-PRP", "HS-DY", "HZ"]


class Products:
    """The inner products that a formula may ask for, each computed when asked."""

    def __init__(
        self,
        gradient: Sequence[Tensor],
        last: Sequence[Tensor],
        direction: Sequence[Tensor],
        whole: bool,
        guard: float | Tensor,
        mu: float | Tensor,
    ):
        self.g, self.p, self.d, self.whole, self.guard, self.mu = gradient, last, direction, whole, guard, mu
        self.y = [a - b for a, b in zip(gradient, last, strict=True)]

    def dot(self, a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
        """⟨a, b⟩ for each tensor, [tensors], or over all of them, [1]."""
        each = torch.stack([torch.dot(u.flatten(), v.flatten()) for u, v in zip(a, b, strict=True)])
        return each.sum(0, keepdim=True) if self.whole else each

    def over_last(self, above: Tensor) -> Tensor:
        """``above / ‖g_last‖²``, and 0 at the first step, where there is no last gradient."""
        square = self.dot(self.p, self.p)
        return torch.where(square > 0, above / torch.where(square > 0, square, 1.0), 0.0)

    def over_curvature(self, above: Tensor) -> Tensor:
        """``above / d·y``, and 0 where ``|d·y|`` is not above ``guard · ‖d‖ ‖y‖``: there it is rounding noise."""
        curvature = self.dot(self.d, self.y)
        safe = curvature.abs() > self.guard * (self.dot(self.d, self.d) * self.dot(self.y, self.y)).sqrt()
        return torch.where(safe, above / torch.where(safe, curvature, 1.0), 0.0)


def fletcher_reeves(s: Products) -> Tensor:
    """‖g‖² / ‖g_last‖²."""
    return s.over_last(s.dot(s.g, s.g))


def polak_ribiere_polyak(s: Products) -> Tensor:
    """g·y / ‖g_last‖²."""
    return s.over_last(s.dot(s.g, s.y))


def hestenes_stiefel(s: Products) -> Tensor:
    """g·y / d·y."""
    return s.over_curvature(s.dot(s.g, s.y))


def dai_yuan(s: Products) -> Tensor:
    """‖g‖² / d·y."""
    return s.over_curvature(s.dot(s.g, s.g))


def hybrid_fr_prp(s: Products) -> Tensor:
    """max(0, min(FR, PRP))."""
    return torch.minimum(fletcher_reeves(s), polak_ribiere_polyak(s)).clamp(min=0)


def hybrid_hs_dy(s: Products) -> Tensor:
    """max(0, min(HS, DY))."""
    return torch.minimum(hestenes_stiefel(s), dai_yuan(s)).clamp(min=0)


def hager_zhang(s: Products) -> Tensor:
    """HS − μ ‖y‖² (g·d) / (d·y)²."""
    return s.over_curvature(s.dot(s.g, s.y) - s.mu * s.over_curvature(s.dot(s.y, s.y) * s.dot(s.g, s.d)))


BETAS = Table(
    "beta",
    {
        "FR": fletcher_reeves,
        "PRP": polak_ribiere_polyak,
        "HS": hestenes_stiefel,
        "DY": dai_yuan,
        "FR-PRP": hybrid_fr_prp,
        "HS-DY": hybrid_hs_dy,
        "HZ": hager_zhang,
    },
)


def capped(beta: Tensor, cap: float | Tensor, nonnegative: bool) -> Tensor:
    """``min(β, cap)``, and also ``max(0, ·)`` if asked."""
    low = torch.minimum(beta, torch.as_tensor(cap, dtype=beta.dtype, device=beta.device))
    return low.clamp(min=0) if nonnegative else low
