"""Anchored extragradient for fields that are a little worse than monotone."""

from torch import Tensor

from nashpath.core import Hyperparameters, Number, Tree
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
    ``‖F(θ_k)‖² ≤ 4 ‖θ₀ − θ*‖² / ((1/L + 2ρ)² k²)``. Anchor and count as in ``anchored``.

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

    def reach(self, move: Tree, gradient: Tree, share: Tensor) -> Tree:
        return trees.scale(trees.add(move, gradient, -2 * self.numbers.comonotonicity), 1 - share)

    def start(self, home: Tree, gradient: Tree, share: Tensor) -> Tree:
        return trees.add(home, gradient, -2 * self.numbers.comonotonicity * (1 - share))
