"""Increasing functions h of the logit: each is a flow of particles, and a loss of the generator.

Particles that move by ``h'(d) ∇d``, with ``d = log(p/q)``, come closer to p for every increasing h (MonoFlow), and the
generator whose cost is ``−E h(d)`` draws that flow. So h belongs to flows and games alike, and lives below both.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from nashpath.core.hyperparameters import Hyperparameters, Number, Positive
from nashpath.core.math.derivatives import derivative


@dataclass(frozen=True)
class Shape:
    """h and h' as functions of the logit and of a module that holds the numbers ``shift`` and ``power``."""

    value: Callable[[Tensor, Hyperparameters], Tensor]
    slope: Callable[[Tensor, Hyperparameters], Tensor]
    unbounded: bool = False


_logit = Shape(lambda d, n: d, lambda d, n: torch.ones_like(d))
_vanilla = Shape(lambda d, n: softplus(d), lambda d, n: torch.sigmoid(d))

MONOTONES = {
    "reverse_kl": _logit,
    "js": _vanilla,
    "forward_kl": Shape(lambda d, n: torch.exp(d), lambda d, n: torch.exp(d), unbounded=True),
    "chi2": Shape(lambda d, n: torch.exp(2 * d), lambda d, n: 2 * torch.exp(2 * d), unbounded=True),
    "hellinger": Shape(lambda d, n: torch.exp(d / 2), lambda d, n: torch.exp(d / 2) / 2, unbounded=True),
    "non_saturating": Shape(lambda d, n: logsigmoid(d), lambda d, n: torch.sigmoid(-d)),
    "logit": _logit,
    "arcsinh": Shape(lambda d, n: torch.asinh(d), lambda d, n: torch.rsqrt(1 + d.square())),
    "vanilla": _vanilla,
    "shifted_vanilla": Shape(lambda d, n: softplus(d + n.shift), lambda d, n: torch.sigmoid(d + n.shift)),
    "exponential": Shape(
        lambda d, n: torch.exp(n.power * d), lambda d, n: n.power * torch.exp(n.power * d), unbounded=True
    ),
}

MonotoneName = Literal[
    "reverse_kl",
    "js",
    "forward_kl",
    "chi2",
    "hellinger",
    "non_saturating",
    "logit",
    "arcsinh",
    "vanilla",
    "shifted_vanilla",
    "exponential",
]


@runtime_checkable
class Increasing(Protocol):
    """An increasing function of the logit: ``h(d)`` and ``h.slope(d) > 0``, elementwise."""

    def __call__(self, d: Tensor) -> Tensor: ...

    def slope(self, d: Tensor) -> Tensor: ...


class MonotoneFunction(Hyperparameters):
    """An increasing function h of the logit ``d = log(p/q)``, by name, with its derivative.

    ::

        name              h(d)             h'(d)             as a flow or as a loss
        reverse_kl        d                1                 gradient flow of KL(q‖p)
        js                softplus(d)      σ(d)              gradient flow of 2 JS(p‖q)
        forward_kl        r                r                 gradient flow of KL(p‖q), r = exp(d)
        chi2              r²               2 r²              gradient flow of E_q (r − 1)²
        hellinger         √r               ½ √r              gradient flow of E_q (√r − 1)²
        non_saturating    log σ(d)         1 − σ(d)          J_G = −E log D
        logit             d                1                 J_G = −E d
        arcsinh           arcsinh(d)       1/√(1 + d²)       J_G = −E arcsinh(d)
        vanilla           softplus(d)      σ(d)              J_G = E log(1 − D); h' → 0 where D is sure
        shifted_vanilla   softplus(d + C)  σ(d + C)          C = ``shift``; tends to logit as C grows
        exponential       r^a              a r^a             a = ``power``; 1 is maximum likelihood

    Works on logits of any shape. Raises `KeyError` for a name that is not in the table.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Secs. 3 and 4; mingxuan-yi/MonoFlow ``train_gan.py``.
    """

    def __init__(self, h: MonotoneName = "logit", shift: Number = 5.0, power: Positive = 1.5):
        super().__init__(shift=shift, power=power)
        if h not in MONOTONES:
            raise KeyError(f"no increasing function is called {h!r}; known: {', '.join(MONOTONES)}")
        self.h = h

    def forward(self, d: Tensor) -> Tensor:
        return MONOTONES[self.h].value(d, self)

    def slope(self, d: Tensor) -> Tensor:
        """``h'(d)``, elementwise."""
        return MONOTONES[self.h].slope(d, self)

    def extra_repr(self) -> str:
        return f"h={self.h}, {super().extra_repr()}"


class UserMonotone(Hyperparameters):
    """An increasing function h of one's own, checked where it is made; its slope comes from automatic differentiation.

    ``h`` is any differentiable elementwise function of logits. It is refused with a `ValueError` that names a logit
    where it does not increase, among 2,001 from −``reach`` to ``reach``.

    Reference: Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient
    Flows", Sec. 3 (h' > 0 is all that is needed).
    """

    def __init__(self, h: Callable[[Tensor], Tensor], reach: float = 10.0):
        super().__init__()
        self.h = h
        check_increasing(h, reach)

    def forward(self, d: Tensor) -> Tensor:
        return self.h(d)

    def slope(self, d: Tensor) -> Tensor:
        """``h'(d)``, elementwise."""
        return derivative(self.h, d)


def check_increasing(h: Callable[[Tensor], Tensor], reach: float = 10.0) -> None:
    """Raises `ValueError` naming the first logit in [−reach, reach] where h' is not a positive number."""
    logits = torch.linspace(-reach, reach, 2001, dtype=torch.float64)
    value = h(logits)
    if value.shape != logits.shape:
        raise ValueError(f"h must act elementwise: from logits {tuple(logits.shape)} it made {tuple(value.shape)}")
    slopes = derivative(h, logits)
    wrong = ~(slopes > 0)
    if wrong.any():
        first = int(wrong.int().argmax())
        name = getattr(h, "__name__", type(h).__name__)
        raise ValueError(
            f"{name} is not increasing: its slope at d = {logits[first]:g} is {slopes[first]:g}. A MonoFlow needs "
            "h'(d) > 0 at every logit d = log(p/q); otherwise particles flee from the data there"
        )
