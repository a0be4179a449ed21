"""Balls around samples that reach to their k-th nearest neighbour: an estimate of where a distribution lives."""

import torch
from torch import Tensor

from nashpath.metrics.checked import rows
from nashpath.metrics.distances import nearest, squared_blocks


def radii(features: Tensor, neighbours: int, name: str) -> Tensor:
    """Distance of each of ``features [n, d]`` to its k-th nearest other one, ``[n]``; needs k + 1 samples."""
    x = rows(features, name, least=neighbours + 1)
    return nearest(x, x, neighbours + 1)[0][:, -1]


def inside(points: Tensor, centres: Tensor, reach: Tensor) -> Tensor:
    """Whether each of ``points [n, d]`` is in any closed ball around ``centres [m, d]`` of radius ``reach [m]``."""
    found = torch.zeros(len(points), dtype=torch.bool, device=points.device)
    for at, over, squared in squared_blocks(points, centres):
        found[at] |= (squared.sqrt_() <= reach[over]).any(1)
    return found


def counts(points: Tensor, centres: Tensor, reach: Tensor) -> Tensor:
    """How many open balls each of ``points`` is in, ``[n]``."""
    found = torch.zeros(len(points), dtype=torch.long, device=points.device)
    for at, over, squared in squared_blocks(points, centres):
        found[at] += (squared.sqrt_() < reach[over]).sum(1)
    return found
