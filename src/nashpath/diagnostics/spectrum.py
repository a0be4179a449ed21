"""The spectrum that decides how a game moves near a point."""

import torch

from nashpath.core import Batch, Count, FunctionalGame, Point
from nashpath.diagnostics.base import Diagnostic, Readings
from nashpath.diagnostics.eigenvalues import hessian_ends, hessian_leading, leading, most_negative
from nashpath.diagnostics.linearised import Linearised


class Spectrum(Diagnostic):
    """Leading and most negative eigenvalues of the game's Jacobian and of the players' Hessians.

    ::

        J = ∂ξ/∂θ = [[∇²_DD J_D, ∇²_DG J_D], [∇²_GD J_G, ∇²_GG J_G]];   descent flows as θ' = −ξ

    so a stationary point attracts where every eigenvalue of J has a positive real part, and the imaginary parts are
    rotation. Formed in full for up to 256 parameters, by ARPACK from products beyond. Readings: ``jacobian`` (complex,
    [count], largest magnitude first), ``jacobian_negative`` (complex, smallest real part first),
    ``hessian.<player>`` ([count]), ``hessian_smallest.<player>``, ``hessian_largest.<player>``.
    Raises `NotConvergedError` where no eigenvalue converges.

    Reference: Berard et al. 2020, Sec. 4.3 and Appendix; Mescheder et al. 2017, "The Numerics of GANs", Sec. 3.
    """

    stackable = False
    readings = ("jacobian", "jacobian_negative", "hessian", "hessian_smallest", "hessian_largest")

    def __init__(self, count: Count = 20, draws: Count = 1):
        self.count, self.draws = count, draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        near = Linearised(problem, point, batches, self.draws)
        first = leading(near, self.count)
        readings = {
            "jacobian": torch.from_numpy(first),
            "jacobian_negative": torch.from_numpy(most_negative(near, float(abs(first[0])))),
        }
        for who in problem.players:
            smallest, largest = hessian_ends(near, who)
            readings[f"hessian.{who}"] = torch.from_numpy(hessian_leading(near, who, self.count).copy())
            readings[f"hessian_smallest.{who}"] = torch.tensor(smallest)
            readings[f"hessian_largest.{who}"] = torch.tensor(largest)
        return readings
