"""The average of the theorems."""

from torch import Tensor

from nashpath.core import NonNegative
from nashpath.solvers.averaged import WeightAveraging
from nashpath.solvers.base import Solver


class PolyakAverage(WeightAveraging):
    """Uniform average of the generator's iterates after the first ``after`` steps, under any solver.

    ::

        a_n = mean of θ_k over after < k ≤ n;   until then a_n = θ_n

    On a bilinear game it converges to the equilibrium where the iterates of alternating descent only circle it.

    Reference: Yazıcı et al. 2019, Sec. 3.1 (MA); Nemirovski 2004 (averages of extragradient).
    """

    def __init__(self, solver: Solver, after: NonNegative = 0.0, player: str = "generator"):
        super().__init__(solver, player, after=after)

    def share(self, count: Tensor) -> Tensor:
        return 1 / (count - self.numbers.after.floor()).clamp(min=1)
