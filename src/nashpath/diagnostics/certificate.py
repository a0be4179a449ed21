"""Certificates: the kind of equilibrium that a point is, up to a stated tolerance, or what it is instead."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from nashpath.core import Batch, Count, FunctionalGame, Point, pick
from nashpath.diagnostics.base import Diagnostic, Readings, field, flatten
from nashpath.diagnostics.eigenvalues import DENSE, hessian_ends, leading, most_negative
from nashpath.diagnostics.linearised import Linearised
from nashpath.diagnostics.trajectory import Trajectory

Kind = Literal[
    "local Nash", "local minimax", "stable, not Nash", "saddle", "limit cycle", "drifting", "diverged", "collapsed"
]
LEADING = 10
"""Number of leading eigenvalues that are computed for a large game."""
SCHUR = 1500
"""Up to this many parameters the Stackelberg condition is checked (it needs the Jacobian in full)."""


@dataclass
class PointEvidence:
    """The numbers that a certificate rests on. Curvatures are relative to ``scale``, the spectral radius of J."""

    finite: bool = True
    spread: float = 1.0
    """Generated samples' spread over the data's; 1 where there are no samples."""
    distance: float = 0.0
    """``(‖ξ‖ − 2 · its standard error) / scale``, at least 0: how far a stationary point must be at least."""
    smallest_real: float = 0.0
    """The smallest real part of J's eigenvalues."""
    curvature: dict[str, float] | None = None
    """Each player's smallest Hessian eigenvalue."""
    largest: dict[str, float] | None = None
    """Each player's largest Hessian eigenvalue."""
    schur: float | None = None
    """The smallest eigenvalue of the generator's curvature once the discriminator answers; None: not checked."""
    trajectory: Trajectory | None = None
    scale: float = 1.0
    leading: complex = 0j
    """J's eigenvalue of largest magnitude."""
    spectrum: np.ndarray | None = None
    """The eigenvalues of J that were found on the way: the leading ones, then the most negative."""


def certify(seen: PointEvidence, tolerance: float = 1e-3, collapse: float = 0.1) -> Kind:
    """The kind of point that the evidence shows, at a tolerance. The order of questions is the order of the list."""
    path, curvature = seen.trajectory, seen.curvature or {}
    if not seen.finite:
        return "diverged"
    if seen.spread < collapse:
        return "collapsed"
    if not seen.distance <= tolerance:
        round_and_round = path is not None and path.turns >= 1 and path.growth > 0.9 and path.straightness < 0.5
        return "limit cycle" if round_and_round else "drifting"
    if seen.smallest_real < -tolerance:
        return "saddle"
    if all(value >= -tolerance for value in curvature.values()):
        return "local Nash"
    answered = curvature.get("discriminator", -1.0) > tolerance and seen.schur is not None
    return "local minimax" if answered and (seen.schur or 0.0) >= -tolerance else "stable, not Nash"


class Certificate(Diagnostic):
    """First- and second-order tests of a point: local Nash, local minimax, stable, saddle, or none of them.

    ::

        first order    ‖ξ‖ ≤ tolerance · ρ(J), up to twice its standard error over the batches
        Nash           ∇²_DD J_D ≥ 0 and ∇²_GG J_G ≥ 0 (each player's own curvature)
        minimax        ∇²_DD J_D > 0 and J_GG − J_GD J_DD⁻¹ J_DG ≥ 0 (the generator leads; Stackelberg)
        stable         Re λ ≥ 0 for all eigenvalues of J

    all up to −``tolerance`` · ρ(J). Readings: ``distance``, ``smallest_real``, ``curvature.<player>``, ``scale`` and
    (up to 1,500 parameters) ``schur``; `certify` makes a word of them. The minimax test is exact in zero-sum games.

    Reference: Jin, Netrapalli & Jordan 2020, "What is Local Optimality in Nonconvex-Nonconcave Minimax Optimization?",
    Props. 5, 6, 18 and 19; Berard et al. 2020, Sec. 3 (stable but not Nash).
    """

    stackable = False
    readings = ("distance", "smallest_real", "curvature", "scale", "schur")

    def __init__(self, draws: Count = 4):
        self.draws = draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        seen = self.look(problem, point, batches)
        named = {f"curvature.{who}": value for who, value in (seen.curvature or {}).items()}
        named |= {"distance": seen.distance, "smallest_real": seen.smallest_real, "scale": seen.scale}
        if seen.schur is not None:
            named["schur"] = seen.schur
        return {name: torch.tensor(value) for name, value in named.items()}

    def look(
        self, problem: FunctionalGame, point: Point, batches: Batch, near: Linearised | None = None
    ) -> PointEvidence:
        """The local evidence, for `certify`; ``near`` saves linearising the game at the point a second time."""
        near = near or Linearised(problem, point, batches, self.draws)
        if not torch.isfinite(near.field).all():
            return PointEvidence(finite=False)
        values = leading(near, near.size if near.size <= DENSE else LEADING)
        first = complex(values[0])
        scale = abs(first) or 1.0
        negative = most_negative(near, scale)
        ends = {who: hessian_ends(near, who) for who in problem.players}
        return PointEvidence(
            distance=max(0.0, float(near.field.norm()) - 2 * self._error(problem, point, batches)) / scale,
            smallest_real=float(negative[0].real) / scale,
            curvature={who: low / scale for who, (low, _) in ends.items()},
            largest={who: high / scale for who, (_, high) in ends.items()},
            schur=schur(near) / scale if near.size <= SCHUR else None,
            scale=scale,
            leading=first,
            spectrum=values if near.size <= DENSE else np.concatenate([values, negative]),
        )

    def _error(self, problem: FunctionalGame, point: Point, batches: Batch) -> float:
        """The standard error of ‖ξ‖ over the batches."""
        if self.draws < 2:
            return 0.0
        rows = torch.stack([flatten(field(problem, point, pick(batches, k))) for k in range(self.draws)])
        return float((rows.var(0).sum() / self.draws).sqrt())


def schur(near: Linearised) -> float:
    """The smallest eigenvalue of the symmetric part of ``J_GG − J_GD J_DD⁺ J_DG``, for two players."""
    d, g = near.block("discriminator"), near.block("generator")
    j = near.matrix
    answered = j[g, g] - j[g, d] @ np.linalg.pinv(j[d, d], rcond=1e-6) @ j[d, g]
    return float(np.linalg.eigvalsh((answered + answered.T) / 2).min())
