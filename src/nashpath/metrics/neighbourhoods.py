"""Balls around samples that reach to their k-th nearest neighbour: an estimate of where a distribution lives."""

import torch
from torch import Tensor

from nashpath.metrics.base import Sample
from nashpath.metrics.checked import rows
from nashpath.metrics.distances import nearest, squared_blocks


def radii(features: Tensor, neighbours: int, name: str) -> Tensor:
    """Distance of each of ``features [n, d]`` to its k-th nearest other one, ``[n]``; needs k + 1 samples."""
    x = rows(features, name, least=neighbours + 1)
    return nearest(x, x, neighbours + 1)[0][:, -1]


def reach(sample: Sample, neighbours: int, name: str) -> Tensor:
    """The `radii` of a sample's features, made once."""
    made = sample.once(f"radii-{neighbours}", lambda: {"radii": radii(sample.features, neighbours, name)})
    return made["radii"]


def inside_each_other(x: Tensor, y: Tensor, reach_x: Tensor, reach_y: Tensor) -> tuple[Tensor, Tensor]:
    """Whether each of ``x [n, d]`` is in any closed ball around ``y [m, d]``, and each of y in any around x."""
    in_y = torch.zeros(len(x), dtype=torch.bool, device=x.device)
    in_x = torch.zeros(len(y), dtype=torch.bool, device=x.device)
    for at, over, squared in squared_blocks(x, y):
        distance = squared.sqrt_()
        in_y[at] |= (distance <= reach_y[over]).any(1)
        in_x[over] |= (distance <= reach_x[at, None]).any(0)
    return in_y, in_x


def counts(points: Tensor, centres: Tensor, reach: Tensor) -> Tensor:
    """How many open balls each of ``points`` is in, ``[n]``."""
    found = torch.zeros(len(points), dtype=torch.long, device=points.device)
    for at, over, squared in squared_blocks(points, centres):
        found[at] += (squared.sqrt_() < reach[over]).sum(1)
    return found
