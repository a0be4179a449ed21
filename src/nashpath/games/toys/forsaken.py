"""A point that nobody reaches: a limit cycle around it shields it, and a second one collects the play."""

from types import MappingProxyType

from torch import Tensor

from nashpath.core import Number
from nashpath.games.toys.base import Truth, ZeroSum, descent


def _hump(z: Tensor) -> Tensor:
    """φ(z) = z²/4 − z⁴/2 + z⁶/6."""
    return z.square() / 4 - z**4 / 2 + z**6 / 6


class Forsaken(ZeroSum):
    """min over x, max over y of x(y − 0.45) + φ(x) − φ(y): two limit cycles around the only critical point.

    ::

        f(x, y) = x(y − 0.45) + φ(x) − φ(y),   φ(z) = z²/4 − z⁴/2 + z⁶/6
        critical point (0.07803, 0.41193),  f_xx = 0.464,  f_yy = 0.374,  eigenvalues of the flow −0.045 ± 0.908 i

    The point attracts the flow, and descent at equal rates below 0.108, from inside an unstable cycle
    that crosses y = 0.41193 at a distance of 0.14; from everywhere outside the play ends on a stable cycle, which
    crosses it at a distance of 1.27 and takes 7.55 units of time a turn. Simultaneous descent and extragradient at
    small rates do so too: neither arrives nor leaves. As f_yy > 0, y sits on its own worst point there: neither Nash
    nor minimax.

    Reference: Hsieh et al. 2021, Example 5.2 ("forsaken" solutions); Pethick et al. 2022, Example 4 (the same game).
    """

    equilibrium = MappingProxyType({"generator": 0.07802666873846008, "discriminator": 0.41193385136581984})
    defaults = descent(0.05, solver="simultaneous")

    def __init__(self, x: Number = 0.5, y: Number = 0.5):
        super().__init__([float(x)], [float(y)])

    @property
    def truth(self) -> tuple[Truth, ...]:
        return self.at("neither", "Hsieh et al. 2021, Example 5.2: the only critical point; f_yy > 0 there")

    def value(self, x: Tensor, y: Tensor) -> Tensor:
        return (x * (y - 0.45) + _hump(x) - _hump(y)).sum()
