"""Points at which the second derivatives decide nothing."""

from typing import Annotated

from annotated_types import Ge, Le
from torch import Tensor

from nashpath.core import Hyperparameters, Number
from nashpath.games.toys.base import Truth, ZeroSum

Exponent = Annotated[int, Ge(2), Le(64)]


class Degenerate(ZeroSum):
    """min over x, max over y of x^p/p − y^q/q + b·xy: a critical point at 0 that only higher orders tell the kind of.

    ::

        f(x, y) = x^p/p − y^q/q + b·xy,   p, q ≥ 2;   f_xx(0) = 0 if p > 2,   f_yy(0) = 0 if q > 2

    0 is a Nash equilibrium if and only if p and q are even. For q odd it is neither: y has somewhere to go. For p odd
    and q even, y's best answer lifts the value by (1 − 1/q) |bx|^(q/(q−1)), a lower order than x^p: so 0 is a
    local minimax point if b ≠ 0, and neither if b = 0. Descent reaches flat directions like 1/t^(1/(p−2)).

    By default x³/3 − y²/2, which is neither: from x > 0 descent creeps to 0, from x < 0 it runs away.

    Reference: Jin et al. 2020, Definition 14 and Proposition 18 (second-order conditions: necessary only).
    """

    def __init__(self, p: Exponent = 3, q: Exponent = 2, b: Number = 0.0, x: Number = 1.0, y: Number = 1.0):
        super().__init__([float(x)], [float(y)])
        self.p, self.q = p, q
        self.coefficients = Hyperparameters(b=b)

    @property
    def truth(self) -> tuple[Truth, ...]:
        if self.q % 2:
            return self.at("neither", "f(0, y) = −y^q/q rises on one side of 0 for odd q")
        if self.p % 2 == 0:
            return self.at("local Nash", "f(x, 0) = x^p/p ≥ 0 and f(0, y) = −y^q/q ≤ 0 for even p and q")
        if float(self.coefficients.b) != 0:
            return self.at("local minimax", "Jin et al. 2020, Definition 14, with radius of answers (|b|δ)^(1/(q−1))")
        return self.at("neither", "f(x, 0) = x^p/p falls on one side of 0 for odd p, and y's answer does not change it")

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return (x**self.p / self.p - y**self.q / self.q + self.coefficients.b * x * y).sum()
