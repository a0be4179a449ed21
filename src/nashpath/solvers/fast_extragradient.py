"""Anchored extragradient for fields that are a little worse than monotone."""

from torch import Tensor

from nashpath.core import FunctionalGame, Hyperparameters, Number, Tree
from nashpath.core import tree as trees
from nashpath.solvers.anchored import AnchoredExtragradient
from nashpath.solvers.base import UpdateRule


class FastExtragradient(AnchoredExtragradient):
    """Fast extragradient (FEG): anchored, with a look-ahead that grows, and steps for a field that is ρ-comonotone.

    ::

        φ = θ + β (θ₀ − θ),   θ' = φ + (1 − β) (rule(g) − 2ρ g),   g = ∇J(θ; ξ₁)
        θ ← φ + rule(∇J(θ'; ξ₂)) − (1 − β) 2ρ g,   β = 1/(k + 1),   k = 0, 1, …

    ``comonotonicity`` is ρ, in ``⟨F(z) − F(z'), z − z'⟩ ≥ ρ ‖F(z) − F(z')‖²``: 0 for monotone fields, negative for some
    that are not; with learning rate 1/L and ρ > −1/(2L)
    ``‖F(θ_k)‖² ≤ 4 ‖θ₀ − θ*‖² / ((1/L + 2ρ)² k²)``. Anchor and count as in ``anchored``. With ρ < 0 a learning rate of
    −2ρ or less would ascend: it raises `ValueError`, as rules do that adapt their steps.

    Reference: Lee and Kim 2021, Sec. 4 (FEG with α = 1/L).
    """

    first = 1

    def __init__(
        self,
        discriminator: UpdateRule,
        generator: UpdateRule,
        comonotonicity: Number = 0.0,
        same_batch: bool = False,
    ):
        super().__init__(discriminator, generator, same_batch)
        self.numbers = Hyperparameters(comonotonicity=comonotonicity)

    def check(self, problem: FunctionalGame) -> None:
        super().check(problem)
        least = -2 * float(self.numbers.comonotonicity)
        for who in problem.players if least > 0 else ():
            rule = self.rule(who)
            rate = getattr(rule, "learning_rate", None)
            if rule.adaptive or rate is None or not float(rate) > 1.000001 * least:
                raise ValueError(
                    f"comonotonicity={-least / 2:g} needs plain descent at a learning rate above {least:g} for the "
                    f"{who}: at smaller ones a step ascends"
                )

    def reach(self, move: Tree, gradient: Tree, share: Tensor) -> Tree:
        return trees.scale(trees.add(move, gradient, -2 * self.numbers.comonotonicity), 1 - share)

    def start(self, home: Tree, gradient: Tree, share: Tensor) -> Tree:
        return trees.add(home, gradient, -2 * self.numbers.comonotonicity * (1 - share))
