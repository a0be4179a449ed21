"""Classification of a trajectory: moving, rotating, converging or diverging."""

from typing import NamedTuple

import torch
from torch import Tensor


class Trajectory(NamedTuple):
    """A summary of parameters through time.

    ``turns``: windings about the mean in the plane where the points vary most. ``growth``: the radius there in the last
    third over that in the first. ``straightness``: net displacement over the length of the way. ``move``: the mean step
    between neighbouring points over the mean norm of the points.
    """

    turns: float
    growth: float
    straightness: float
    move: float


def trajectory_of(points: Tensor) -> Trajectory:
    """Summarises [time, parameters] (time ≥ 4). A random walk winds less than one turn in its leading plane.

    Raises `ValueError` for fewer points or for such as are not finite.

    Reference: Antognini & Sohl-Dickstein 2018, "PCA of high dimensional random walks with comparison to neural network
    training" (what the leading plane of a mere walk looks like).
    """
    if points.dim() != 2 or len(points) < 4 or not torch.isfinite(points).all():
        raise ValueError(f"a trajectory needs at least 4 finite points as rows; got shape {tuple(points.shape)}")
    points = points.double()
    steps = points.diff(dim=0)
    length = steps.norm(dim=1).sum()
    move = steps.norm(dim=1).mean() / points.norm(dim=1).mean()
    if length == 0:
        return Trajectory(0.0, 1.0, 1.0, 0.0)
    plane, shares = plane_of(points)
    turns = _winding(plane) if shares[1] > 0 else torch.zeros(())
    radius, third = plane.norm(dim=1), max(1, len(points) // 3)
    growth = radius[-third:].mean() / radius[:third].mean()
    return Trajectory(float(turns), float(growth), float((points[-1] - points[0]).norm() / length), float(move))


def plane_of(points: Tensor) -> tuple[Tensor, tuple[float, float]]:
    """The points [time, parameters] in their first two principal directions, [time, 2], and the variance of each.

    The variances are shares of the whole; where all points lie on a line the second is exactly 0.
    """
    centred = points - points.mean(0)
    values, vectors = torch.linalg.eigh(centred @ centred.T)
    values = values.clamp(min=0)
    kept = torch.where(values[-2:] > 1e-12 * values[-1], values[-2:], 0.0).flip(0)
    total = float(values.sum()) or 1.0
    return vectors[:, -2:].flip(1) * kept.sqrt(), (float(kept[0]) / total, float(kept[1]) / total)


def _winding(plane: Tensor) -> Tensor:
    """How often the points [time, 2] go round the origin."""
    angle = torch.atan2(plane[:, 1], plane[:, 0])
    steps = torch.remainder(angle.diff() + torch.pi, 2 * torch.pi) - torch.pi
    return steps.sum().abs() / (2 * torch.pi)
