"""f-divergences ``D_f = E_q f(p/q)``, each as a function of the logit ``d = log(p/q)``: ``f(exp(d))``, stable in d.

A flow that decreases ``D_f`` moves samples along ``h'(d) ∇d`` with ``h' = r² f''(r)`` (`nashpath.core.math.monotone`).
"""

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus


def _reverse_kl(d: Tensor) -> Tensor:
    """``f(r) = −log r``; ``D_f = KL(q‖p)``."""
    return -d


def _forward_kl(d: Tensor) -> Tensor:
    """``f(r) = r log r``; ``D_f = KL(p‖q)``."""
    return d * torch.exp(d)


def _chi2(d: Tensor) -> Tensor:
    """``f(r) = (r − 1)²``; Pearson's ``∫ (p − q)²/q``."""
    return torch.expm1(d).square()


def _hellinger(d: Tensor) -> Tensor:
    """``f(r) = (√r − 1)²``; ``∫ (√p − √q)²``."""
    return torch.expm1(d / 2).square()


def _js(d: Tensor) -> Tensor:
    """``f(r) = r log r − (r + 1) log((1 + r)/2)``; twice the Jensen-Shannon divergence."""
    return torch.exp(d) * (math.log(2) - softplus(-d)) + math.log(2) - softplus(d)


F_DIVERGENCES: dict[str, Callable[[Tensor], Tensor]] = {
    "reverse_kl": _reverse_kl,
    "forward_kl": _forward_kl,
    "chi2": _chi2,
    "hellinger": _hellinger,
    "js": _js,
}

Divergences = Literal["reverse_kl", "forward_kl", "chi2", "hellinger", "js"]
