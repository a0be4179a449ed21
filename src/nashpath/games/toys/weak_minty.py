"""Extragradient between a step too small and a step too large."""

from nashpath.core import NonNegative, Number, Positive
from nashpath.games.toys.base import descent
from nashpath.games.toys.quadratic import Quadratic


class WeakMinty(Quadratic):
    """min over x, max over y of a·xy + b/2 (x² − y²) with b < 0: both sit on their worst point, yet a step ahead helps.

    ::

        f(x, y) = rotation · xy − repulsion/2 (x² − y²),   eigenvalues of the field −repulsion ± i rotation

    With L² = rotation² + repulsion² the field satisfies the weak Minty inequality ``⟨F(z), z⟩ ≥ ρ ‖F(z)‖²`` with
    ρ = −repulsion/L². Every flow and every descent leaves 0. One round of extragradient with learning rate t/L and
    c = −repulsion/L changes the squared distance by ``t(−2c + t(4c² − 1) − 2c²t² + t³)``: at c = −0.1 it shrinks for t
    between 0.23 and 0.73 and grows below and above, at t = 1 for every repulsion. With the step ahead at t = 1
    and a shorter own step (EG+) it shrinks if ρ > −1/(2L). 0 is no equilibrium of either order of moves. By
    default extragradient arrives, with t = 0.5.

    Reference: Diakonikolas et al. 2021, Sec. 2 (the condition, EG+); Pethick et al. 2022, Example 3 and Theorem 3.1.
    """

    defaults = descent(0.5, solver="extragradient")
    source = "Pethick et al. 2022, Example 3: a weak Minty solution; f_yy > 0 rules out local minimax (Jin et al. 2020)"

    def __init__(self, rotation: Positive = 0.995, repulsion: NonNegative = 0.1, x: Number = 1.0, y: Number = 1.0):
        super().__init__(-repulsion, rotation, -repulsion, x, y)
