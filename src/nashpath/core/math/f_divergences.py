"""f-divergences ``D_f = E_q f(p/q)``: of logits ``d = log(p/q)`` where p and q are sampled, of masses where summed.

`F_DIVERGENCES` are ``f(exp(d))``, stable in d. The symmetric ones are also ``D_f = E_p g(d) + E_q g(−d)``: `js_term`,
`hellinger_term` and `total_variation_term` are their g. A flow that decreases ``D_f`` moves samples along ``h'(d) ∇d``
with ``h' = r² f''(r)`` (`nashpath.core.math.monotone`).
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import softplus


def js_term(d: Tensor) -> Tensor:
    """``g(d) = log(2 σ(d))``, at most log 2; ``E_p g(d) + E_q g(−d)`` is twice the Jensen-Shannon divergence."""
    return math.log(2) - softplus(-d)


def hellinger_term(d: Tensor) -> Tensor:
    """``g(d) = 1 − e^(−d/2)``, at most 1; ``E_p g(d) + E_q g(−d) = ∫ (√p − √q)²``."""
    return -torch.expm1(-d / 2)


def total_variation_term(d: Tensor) -> Tensor:
    """``g(d) = (1 − e^−d)₊ / 2``, at most ½; ``E_p g(d) + E_q g(−d) = ½ ∫ |p − q|``."""
    return -torch.expm1(-d.clamp_min(0)) / 2


def logistic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """``E_p softplus(−d) + E_q softplus(d)`` from logits, a scalar; least, ``log 4 − 2 JS``, at d = log(p/q)."""
    return softplus(-real).mean() + softplus(fake).mean()


F_DIVERGENCES: dict[str, Callable[[Tensor], Tensor]] = {
    "reverse_kl": lambda d: -d,  # f(r) = −log r; KL(q‖p)
    "forward_kl": lambda d: d * torch.exp(d),  # f(r) = r log r; KL(p‖q)
    "chi2": lambda d: torch.expm1(d).square(),  # f(r) = (r − 1)²; Pearson's ∫ (p − q)²/q
    "hellinger": lambda d: torch.expm1(d / 2).square(),  # f(r) = (√r − 1)²; ∫ (√p − √q)²
    "js": lambda d: torch.exp(d) * js_term(d) + js_term(-d),  # f(r) = r log r − (r + 1) log((1 + r)/2); 2 JS
}


def kl_of_masses(p: Tensor, q: Tensor) -> Tensor:
    """``KL(p‖q) = Σ p log(p/q)`` of masses [k]; infinite where p has mass and q has none. Differentiable in them."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum()


def js_of_masses(p: Tensor, q: Tensor) -> Tensor:
    """``JS(p‖q) = ½ KL(p‖m) + ½ KL(q‖m)``, m = (p + q)/2, of masses [k]; needs no logits, which would be infinite."""
    middle = (p + q) / 2
    return (kl_of_masses(p, middle) + kl_of_masses(q, middle)) / 2


def total_variation_of_masses(p: Tensor, q: Tensor) -> Tensor:
    """``½ Σ |p − q|`` of masses [k], between 0 and 1; the supremum of ``E_p f − E_q f`` over |f| ≤ ½."""
    return (p - q).abs().sum() / 2
