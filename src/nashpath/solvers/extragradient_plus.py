"""Extragradient whose own step is shorter than its look-ahead."""

from nashpath.core import Fraction, Hyperparameters, PlayerGradient, Point
from nashpath.core import tree as trees
from nashpath.solvers.base import Memory, UpdateRule
from nashpath.solvers.extragradient import Extragradient


class ExtragradientPlus(Extragradient):
    """EG+: extragradient with two step sizes, which reaches weak Minty solutions that equal ones leave.

    ::

        θ' = θ + rule(∇J(θ; ξ₁)),    θ ← θ + share · rule(∇J(θ'; ξ₂))

    The learning rate is that of the look-ahead. With ``share`` ½ and learning rate 1/L (L the Lipschitz constant of the
    field) it converges under the weak Minty inequality ``⟨F(z), z − z*⟩ ≥ ρ ‖F(z)‖²`` for ρ > −1/(8L), and with smaller
    shares down to −1/(2L). On a linear field an eigenvalue λ of its Jacobian becomes ``1 − share · hλ (1 − hλ)``.

    Reference: Diakonikolas, Daskalakis and Jordan 2021, Algorithm 1 (β = ½) and Theorem 3.1; Pethick et al. 2022.
    """

    def __init__(
        self, discriminator: UpdateRule, generator: UpdateRule, share: Fraction = 0.5, same_batch: bool = False
    ):
        super().__init__(discriminator, generator, same_batch)
        self.numbers = Hyperparameters(share=share)

    def move(self, player: str, point: Point, priced: PlayerGradient, memory: Memory) -> tuple[Point, Memory]:
        move, kept = self.rule(player)(priced.gradient, memory[player])
        there = self.moved(player, point.players[player], trees.scale(move, self.numbers.share))
        return Point({**point.players, player: there}, {**point.state, **priced.state}), {**memory, player: kept}
