"""Has the generator's gradient died, while the critic still knows the way?"""

from nashpath.core import Batch, Count, FunctionalGame, Point
from nashpath.core import tree as trees
from nashpath.diagnostics.base import Diagnostic, Readings, mean_field


class VanishingGradient(Diagnostic):
    """Size of the generator's gradient against the logit loss's, at the same point and on the same batches.

    ::

        reading = ‖∇_G J_G‖ / ‖∇_G J_logit‖,   J_logit = −E d(G(z))

    Near 1 for losses that pass the critic's slope on, near 0 for one that saturates where the critic is sure: with
    the minimax loss each sample's slope is multiplied by σ(d). ``reference`` is the same game under the logit loss.
    Reading: ``vanishing``, a scalar (NaN where both gradients are zero).

    Reference: Arjovsky & Bottou 2017, Theorem 2.4; Yi, Zhu & Liu 2023, Sec. 4 (the factor h').
    """

    readings = ("vanishing",)

    def __init__(self, reference: FunctionalGame, draws: Count = 4):
        self.reference, self.draws = reference, draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        own, logit = (mean_field(p, point, batches, self.draws)["generator"] for p in (problem, self.reference))
        return {"vanishing": trees.norm(own) / trees.norm(logit)}
