"""The field along the straight line from the start of training to its end."""

import torch

from nashpath.core import Batch, Count, FunctionalGame, Point
from nashpath.core import tree as trees
from nashpath.diagnostics.base import Diagnostic, Readings, flatten, mean_field


class Path(Diagnostic):
    """Path-angle and path-norm along the line through a start and the present point.

    ::

        θ_α = (1 − α) θ_start + α θ,   path_angle(α) = cos(θ − θ_start, ξ(θ_α)),   path_norm(α) = ‖ξ(θ_α)‖

    at ``count`` values of α from 0 to ``reach``; the present point is α = 1. With ξ the gradients (descent moves along
    −ξ), a switch of the angle from −1 to 1 at α = 1 is attraction alone; a bump there is rotation alone; both, both.
    Readings: ``path_alpha``, ``path_angle``, ``path_norm``, each [count].

    Reference: Berard et al. 2020, "A Closer Look at the Optimization Landscapes of Generative Adversarial Networks",
    Sec. 4.2, Definition 2.
    """

    readings = ("path_alpha", "path_angle", "path_norm")

    def __init__(self, start: Point, count: Count = 31, reach: float = 1.5, draws: Count = 1):
        self.start, self.count, self.reach, self.draws = start, count, reach, draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        way = flatten(point.players) - flatten(self.start.players)
        alphas = torch.linspace(0, self.reach, self.count, dtype=way.dtype, device=way.device)
        angles, norms = [], []
        for alpha in alphas:
            players = trees.tree_map(
                lambda a, b, alpha=alpha: (1 - alpha) * a + alpha * b, self.start.players, point.players
            )
            here = flatten(mean_field(problem, Point(players, point.state), batches, self.draws))
            norms.append(here.norm())
            angles.append(torch.dot(way, here) / (way.norm() * here.norm()))
        return {"path_alpha": alphas, "path_angle": torch.stack(angles), "path_norm": torch.stack(norms)}
