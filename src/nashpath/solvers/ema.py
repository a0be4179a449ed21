"""The average that forgets."""

from torch import Tensor

from nashpath.core import Decay
from nashpath.solvers.averaged import WeightAveraging
from nashpath.solvers.base import Solver


class EMA(WeightAveraging):
    """Exponential moving average of the generator under any solver; sampling and metrics use it.

    ::

        a ← decay · a + (1 − decay) · θ_G,   a₀ = θ_G

    The average starts at the present parameters, so short runs are not pulled to zero. Running statistics of
    normalisation layers are taken from the present network.

    Reference: Yazıcı et al. 2019, Sec. 3.1.
    """

    def __init__(self, solver: Solver, decay: Decay = 0.999, player: str = "generator"):
        super().__init__(solver, player, decay=decay)

    def share(self, count: Tensor) -> Tensor:
        return 1 - self.numbers.decay
