"""Coordinates for comparing distances: whole numbers where features lie on a lattice, so that ties are ties.

Binary features, bytes and one-hot codes have many pairs at exactly one distance. After a change of units (bytes to
[-1, 1]) and in floating point they are equal to within rounding only, and rounding would decide who is inside a ball.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from nashpath.core.math.distances import ENTRIES, middle
from nashpath.metrics.scale import check_spread, scaled

POOL = 1 << 15
"""Numbers that a step is looked for in; it is then tried on all."""

SOME = 500
"""Rows of each sample from which the middle of all is taken."""

STEPS = 1 << 20
"""Most steps from the lowest to the highest number of a lattice."""

PARTS = 16
"""Most steps that the smallest gap between two numbers may hold."""

ROUNDINGS = 6
"""Roundings, in units of the largest number of a column, by which the difference of two numbers may be off."""


class CommonGrid(NamedTuple):
    """``k = (x / 2^exponent − origin) / step``, coordinates ``[n, d]`` of features; step is 1 unless ``whole``.

    ``whole``: they are integers, exactly, and so are their squared distances in float64. Otherwise features are known
    to ``rounding``, relative to the largest number of a row among the ``varying [d]`` columns.
    """

    exponent: int
    origin: Tensor
    step: float
    whole: bool
    rounding: float
    varying: Tensor

    def rows(self, x: Tensor) -> Tensor:
        """The coordinates of ``x [n, d]``, float64."""
        found = scaled(x, self.exponent) - self.origin
        return found.div_(self.step).round_() if self.whole else found

    def blur(self, x: Tensor) -> Tensor:
        """How far a coordinate of each row may be off by rounding, ``[n]``."""
        if self.whole:
            return torch.zeros(len(x), dtype=torch.double, device=x.device)
        return self.rounding * scaled(x * self.varying, self.exponent).abs().amax(1)

    def steps_in(self, other: "CommonGrid") -> float:
        """How many of this grid's units the other one's unit holds."""
        return math.ldexp(other.step / self.step, other.exponent - self.exponent)


def grid_of(*samples: Tensor) -> CommonGrid:
    """The grid of all ``samples [n, d]`` together: of their coarsest lattice, or else centred and of unit size."""
    low = torch.stack([x.amin(0).double() for x in samples]).amin(0)
    high = torch.stack([x.amax(0).double() for x in samples]).amax(0)
    exponent = math.frexp(max(float(-low.min()), float(high.max()), 0.0))[1]
    low, high = scaled(low, exponent), scaled(high, exponent)
    varying = high > low
    rounding = max(map(_rounding, samples))
    slack = ROUNDINGS * rounding * torch.maximum(-low, high)
    step = None if _drowned(samples, exponent, float(slack.max())) else _step(samples, exponent, low, slack)
    if step is not None and 4 * float(((high - low) / step).square().sum()) < 2**53:
        return CommonGrid(exponent, low, step, True, 0.0, varying)
    origin = scaled(middle(torch.cat([part[:: max(1, len(part) // SOME)] for part in samples])), exponent)
    check_spread([scaled(part, exponent) for part in samples], origin)
    return CommonGrid(exponent, origin, 1.0, False, ROUNDINGS * rounding, varying)


def _drowned(samples: tuple[Tensor, ...], exponent: int, slack: float) -> bool:
    """Whether rows are all rounding beside the largest number of all: that one is an outlier, there is no lattice."""
    sizes = torch.cat([scaled(part, exponent).abs().amax(1) for part in _blocks(samples)])
    return bool(((sizes > 0) & (sizes < 8 * slack)).any())


def _rounding(x: Tensor) -> float:
    """The relative rounding of these numbers: that of float32 where they were float32 once."""
    if not x.is_floating_point():
        return 0.0
    single = x.dtype == torch.double and bool((x.float().double() == x).all())
    return torch.finfo(torch.float32 if single else x.dtype).eps / 2


def _blocks(samples: tuple[Tensor, ...]) -> Iterator[Tensor]:
    return (part for x in samples for part in x.split(max(1, ENTRIES // x.shape[1])))


def _step(samples: tuple[Tensor, ...], exponent: int, low: Tensor, slack: Tensor) -> float | None:
    """The step of the coarsest lattice through all numbers, each column from its lowest; None if there is none."""
    rows = max(1, POOL // len(low) // len(samples))
    pool = torch.cat([(scaled(x[:: max(1, len(x) // rows)], exponent) - low).flatten() for x in samples])
    for _ in range(4):
        step = _coarsest(pool, float(slack.max()))
        if step is None:
            return None
        strays = [_strays(scaled(part, exponent) - low, step, slack) for part in _blocks(samples)]
        if not any(map(len, strays)):
            return step
        pool = torch.cat([pool, *strays])
    return None


def _strays(values: Tensor, step: float, slack: Tensor) -> Tensor:
    """Some of ``values [n, d]`` that are no multiples of the step."""
    off = (values - (values / step).round() * step).abs() > slack.clamp(max=step / 4)
    return values[off][:POOL]


def _coarsest(values: Tensor, slack: float) -> float | None:
    """The largest step of which all of ``values [n]``, from 0, are multiples to within ``slack``."""
    distinct = values[values > slack].unique()
    if not len(distinct):
        return 1.0
    gaps = torch.cat([distinct[:1], distinct.diff()])
    gaps = gaps[gaps > 2 * slack]
    if not len(gaps) or distinct[-1] > STEPS * gaps.min():
        return None
    least = float(gaps.min())
    fitted = (_fitted(distinct, least / parts, slack) for parts in range(1, PARTS + 1))
    return next((step for step in fitted if step is not None), None)


def _fitted(distinct: Tensor, step: float, slack: float) -> float | None:
    """The step, made exact by least squares over ever larger numbers; None as soon as one is no multiple."""
    reach = 2 * max(step, float(distinct[0]))
    while True:
        near = distinct[distinct <= reach]
        count = (near / step).round().clamp(min=1)
        if ((near - count * step).abs() > min(3 * slack, step / 4)).any():
            return None
        step = float((count * near).sum() / count.square().sum())
        if reach >= distinct[-1]:
            return step
        reach *= 2
