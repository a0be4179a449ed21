"""Do two moments of a run agree about the way?"""

import torch

from nashpath.core import Batch, Count, FunctionalGame, Point
from nashpath.diagnostics.base import Diagnostic, Readings, flatten, mean_field


class FieldCosine(Diagnostic):
    """Cosine between the field at an earlier point and here, on the same batches.

    ::

        cos(ξ(θ_before), ξ(θ)):  1 going straight, 0 a quarter of a turn, −1 jumping across a valley

    ``before`` is the earlier point. Reading: ``field_cosine``, a scalar in [−1, 1].

    Reference: Balduzzi et al. 2018, "The Mechanics of n-Player Differentiable Games", Sec. 3 (alignment of fields).
    """

    readings = ("field_cosine",)

    def __init__(self, before: Point, draws: Count = 1):
        self.before, self.draws = before, draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        earlier, now = (flatten(mean_field(problem, at, batches, self.draws)) for at in (self.before, point))
        return {"field_cosine": torch.dot(earlier, now) / (earlier.norm() * now.norm())}
