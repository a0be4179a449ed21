"""Classification of a trajectory: moving, rotating, converging or diverging."""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

HALF = 1e-2
"""A step whose angle is nearer than this to half a turn goes either way round."""


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


class Winding(NamedTuple):
    """Play about a centre, turn by turn.

    ``turns``: whole and part windings in the plane where play goes round most. ``rates``: the log of the radius after
    each whole turn over that before it. ``length``: rounds in the last whole turn. ``shrink``: the last radius over the
    first.
    """

    turns: float
    rates: tuple[float, ...]
    length: float
    shrink: float

    @property
    def rate(self) -> float:
        """The mean log change of the radius in a turn, over the later half of the whole turns; nan without one."""
        later = self.rates[len(self.rates) // 2 :]
        return sum(later) / len(later) if later else math.nan

    @property
    def error(self) -> float:
        """The standard error of `rate` from turn to turn; infinite where fewer than two turns tell it."""
        later = torch.tensor(self.rates[len(self.rates) // 2 :], dtype=torch.float64)
        return float(later.std() / len(later) ** 0.5) if len(later) > 1 else math.inf


def winding_of(points: Tensor, centre: Tensor) -> Winding:
    """Windings of [time, parameters] about ``centre`` [parameters], and how the radius changes with each whole one.

    The plane is that of the largest area swept, so an orbit that shrinks is not hidden by a player that only drifts.
    The radius is compared at the same angle turn after turn, over all angles: an ellipse is no spiral. Raises
    `ValueError` as `trajectory_of` does.
    """
    if points.dim() != 2 or len(points) < 4 or not torch.isfinite(points).all():
        raise ValueError(f"a winding needs at least 4 finite points as rows; got shape {tuple(points.shape)}")
    away = points.double() - centre.double()
    radius = away.norm(dim=1)
    shrink = float(radius[-1] / radius[0]) if radius[0] > 0 else math.inf
    size = radius.clamp(min=1e-300)
    unit = away / size[:, None]
    areas = unit[:-1].T @ unit[1:]
    if away.shape[1] < 2:
        return Winding(0.0, (), math.nan, shrink)
    from scipy.interpolate import CubicSpline

    vectors, values, _ = torch.linalg.svd(areas - areas.T)
    if values[0] <= 1e-12:
        return Winding(0.0, (), math.nan, shrink)
    plane = unit @ vectors[:, :2]
    steps = torch.atan2(plane[:, 1], plane[:, 0]).diff()
    steps = torch.remainder(steps + torch.pi, 2 * torch.pi) - torch.pi
    half = steps.abs() > torch.pi - HALF  # half turns, whose direction rounding decides: they go the way of the others
    way = torch.sign(steps[~half].sum() + 1e-9)
    steps[half] = way * torch.remainder(way * steps[half], 2 * torch.pi)
    angle = torch.cat([torch.zeros(1, dtype=steps.dtype), steps.cumsum(0)])
    angle = angle * torch.sign(angle[-1])
    whole = int(float(angle[-1]) / (2 * math.pi) + 1e-9)
    log = (size.log() + plane.norm(dim=1).clamp(min=1e-300).log()).numpy()
    reached, when = angle.numpy(), np.arange(len(points), dtype=float)
    near = 1e-3 * float(steps.abs().median())  # a spline through nearer knots swings far out between them
    kept = [0]
    for i in range(1, len(reached)):
        if reached[i] > reached[kept[-1]] + near:
            kept.append(i)
    reached, when, log = reached[kept], when[kept], log[kept]
    a_turn = 2 * math.pi
    matched = reached + a_turn <= reached[-1] + 1e-9  # rounds that have another at the same angle a turn later
    if not whole or not matched.any():
        return Winding(float(angle[-1]) / a_turn, (), math.nan, shrink)
    at = CubicSpline(reached, np.stack([log, when], 1))(reached[matched] + a_turn)
    later, length = at[:, 0] - log[matched], at[:, 1] - when[matched]
    if length.min() <= 0 or np.abs(later).max() > 2 * np.ptp(log):
        return Winding(float(angle[-1]) / a_turn, (), math.nan, shrink)  # it turns back and forth: no spline follows
    which = (reached[matched] / a_turn).astype(int)
    rates = tuple(float(later[which == turn].mean()) for turn in range(whole) if (which == turn).any())
    return Winding(float(angle[-1]) / a_turn, rates, float(length[which == which[-1]].mean()), shrink)


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
