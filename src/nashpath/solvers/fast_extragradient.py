"""Anchored extragradient for fields that are a little worse than monotone."""

from torch import Tensor

from nashpath.core import FunctionalGame, Hyperparameters, Number, Tree
from nashpath.core import tree as trees
from nashpath.solvers.anchored import AnchoredExtragradient
from nashpath.solvers.base import UpdateRule
from nashpath.solvers.rules import SGD, Scheduled


class FastExtragradient(AnchoredExtragradient):
    """Fast extragradient (FEG): anchored, with a look-ahead that grows, and steps for a field that is ρ-comonotone.

    ::

        φ = θ + β (θ₀ − θ),   θ' = φ + (1 − β) (rule(g) − 2ρ g),   g = ∇J(θ; ξ₁)
        θ ← φ + rule(∇J(θ'; ξ₂)) − (1 − β) 2ρ g,   β = 1/(k + 1),   k = 0, 1, …

    ``comonotonicity`` is ρ, in ``⟨F(z) − F(z'), z − z'⟩ ≥ ρ ‖F(z) − F(z')‖²``: 0 for monotone fields, negative for some
    that are not; with learning rate 1/L and ρ > −1/(2L)
    ``‖F(θ_k)‖² ≤ 4 ‖θ₀ − θ*‖² / ((1/L + 2ρ)² k²)``. Anchor and count as in ``anchored``. With ρ < 0 a learning rate of
    −2ρ or less would ascend, in any step: rules other than plain descent (those that adapt, have inertia, or are shown
    clipped gradients) raise `ValueError`, as do rates that are as low, or become so under their schedule.

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
            wrong = _unfit(self.rule(who), 1.000001 * least)
            if wrong:
                raise ValueError(
                    f"comonotonicity={-least / 2:g} needs plain descent at a learning rate above {least:g} for the "
                    f"{who}, in every step: at smaller ones a step ascends; {wrong}"
                )

    def reach(self, move: Tree, gradient: Tree, share: Tensor) -> Tree:
        return trees.scale(trees.add(move, gradient, -2 * self.numbers.comonotonicity), 1 - share)

    def start(self, home: Tree, gradient: Tree, share: Tensor) -> Tree:
        return trees.add(home, gradient, -2 * self.numbers.comonotonicity * (1 - share))


def _unfit(rule: UpdateRule, least: float) -> str:
    """Why a rule is no plain descent whose every step is longer than ``least`` times the gradient; empty where it is.

    Of schedules it is asked what they come to, however long a run is.
    """
    factor, told = 1.0, ""
    while isinstance(rule, Scheduled):
        lowest = rule.schedule.lowest()
        told += (
            f", times {lowest:.3g} under the schedule {type(rule.schedule).__name__}" if rule.schedule.varies else ""
        )
        factor, rule = factor * lowest, rule.rule
    if not isinstance(rule, SGD):
        return f"the rule here is {type(rule).__name__}, not sgd (with no clipping of gradients)"
    if float(rule.learning_rate) * factor > least:
        return ""
    advice = "keep the schedule constant" if told else "raise it"
    return f"here it is {float(rule.learning_rate):g}{told}: {advice}, or choose comonotonicity nearer to 0"
