"""A game near a point where some of its weights stay as they are, as at a bound that their slope presses against."""

from functools import cached_property

import numpy as np
from torch import Tensor

from nashpath.core import Tree
from nashpath.diagnostics.linearised import Linearised


class Restricted(Linearised):
    """A linearised game in its ``free`` weights alone, a mask [size] of the ``whole`` one's; the others stay.

    ``J`` is then the block of the free weights, and a player without any is no player of it.
    """

    def __init__(self, whole: Linearised, free: Tensor):
        super().__init__(whole.problem, whole.point, whole.batches, whole.draws, tolerance=whole.tolerance)
        self.whole, self.free = whole, free
        self.vector, self.rates = whole.vector[free], whole.rates[free]
        counts = {who: int(free[whole.block(who)].sum()) for who in whole.sizes}
        self.sizes = {who: count for who, count in counts.items() if count}
        self.size = len(self.vector)

    def _players(self, vector: Tensor) -> dict[str, Tree]:
        return self.whole._players(self._among(self.whole.vector, vector))

    def _among(self, others: Tensor, own: Tensor) -> Tensor:
        """All weights: the free ones' values ``own`` among those of ``others``."""
        return others.index_put((self.free.nonzero(as_tuple=True)[0],), own)

    @cached_property
    def plain_matrix(self) -> np.ndarray:
        free = self.free.cpu().numpy()
        return self.whole.plain_matrix[np.ix_(free, free)]

    def at(self, move: Tensor) -> "Restricted":
        return Restricted(self.whole.at(self._among(self.whole.vector.new_zeros(len(self.free)), move)), self.free)

    def halves(self) -> list[Linearised]:
        return [Restricted(half, self.free) for half in self.whole.halves()]

    def alone(self) -> list[Linearised]:
        return [Restricted(one, self.free) for one in self.whole.alone()]
