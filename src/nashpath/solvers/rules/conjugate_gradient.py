"""Steepest descent that remembers its last direction, by as much as the gradients suggest."""

from typing import Annotated, Literal

from nashpath.core import NonNegative, Tree
from nashpath.core import tree as trees
from nashpath.core.arguments import INFINITE
from nashpath.solvers.base import Memory, UpdateRule
from nashpath.solvers.rules.betas import BETAS, Beta, Products, capped

Scope = Literal["tensor", "global"]
Cap = Annotated[NonNegative, INFINITE]


class ConjugateGradient(UpdateRule):
    """Nonlinear conjugate-gradient directions, with β capped from above.

    ::

        d ← −g + coefficient · min(β, cap) · d,   d₀ = −g₀;   move = learning_rate · d,   y = g − g_last

        FR   ‖g‖² / ‖g_last‖²        HS   g·y / d·y          FR-PRP  max(0, min(FR, PRP))
        PRP  g·y / ‖g_last‖²         DY   ‖g‖² / d·y         HS-DY   max(0, min(HS, DY))
        HZ   g·y / d·y − mu ‖y‖² g·d / (d·y)²

    β is computed for each tensor (``scope`` "tensor", the authors' choice) or once for all ("global"). It is 0 where
    there is no last gradient, and where ``|d·y| ≤ guard · ‖d‖ ‖y‖`` (then d·y is rounding noise). ``nonnegative`` clips
    it at 0 from below, which the authors do only in the two hybrids. ``cap`` = inf switches the cap off; then, with
    exact line search on a quadratic, all formulas agree and end in as many steps as there are dimensions.

    Reference: Naganuma and Iiduka 2022, Sec. 2.3; Hiroki11x/ConjugateGradient_GAN
    ``jupyter/toy_example/cg_optimizer.py`` for the formulas, the cap ½ and the coefficient (0.5, 0.75 or 1). Its first
    step ascends, and its last gradient is an alias of the present one; here neither is so.
    """

    def __init__(
        self,
        learning_rate: NonNegative = 0.01,
        beta: Beta = "FR",
        cap: Cap = 0.5,
        coefficient: NonNegative = 1.0,
        guard: NonNegative = 1e-6,
        mu: NonNegative = 2.0,
        scope: Scope = "tensor",
        nonnegative: bool = False,
    ):
        super().__init__(learning_rate, cap=cap, coefficient=coefficient, guard=guard, mu=mu)
        self.formula, self.beta = BETAS[beta], beta
        self.whole, self.nonnegative = scope == "global", nonnegative

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, beta={self.beta}"

    def init(self, params: Tree) -> Memory:
        return {"gradient": trees.zeros(params), "direction": trees.zeros(params)}

    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        g, last, old = list(gradient.values()), memory["gradient"], memory["direction"]
        last, old = [last[k] for k in gradient], [old[k] for k in gradient]
        beta = capped(self.formula(Products(g, last, old, self.whole, self.guard, self.mu)), self.cap, self.nonnegative)
        shares = (self.coefficient * beta).expand(len(g)).unbind()
        direction = {k: s * d - v for (k, v), d, s in zip(gradient.items(), old, shares, strict=True)}
        kept = {k: v.clone() for k, v in gradient.items()}
        return trees.scale(direction, self.learning_rate), {"gradient": kept, "direction": direction}
