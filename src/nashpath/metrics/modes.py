"""Modes of a mixture whose centres are known: how many are covered, how evenly, and how many samples belong to one."""

import math

import torch
from torch import Tensor

from nashpath.core.math.distances import middle, nearest_neighbours
from nashpath.metrics.errors import MetricError, validate_pair
from nashpath.metrics.scale import check_spread, in_units

REACH = 4.0
"""Deviations from a centre within which a sample belongs to the mode."""

SHARE = 0.01
"""Share of all samples that a covered mode exceeds, for mixtures of up to 25 modes."""


def least_share(count: int) -> float:
    """The share of samples that a covered one of ``count`` modes exceeds: 1 %, or a quarter of its due if less."""
    return min(SHARE, 0.25 / count)


def coverage(belongs: Tensor, count: int, total: int) -> tuple[float, float]:
    """``(classes covered, KL to uniform)`` of samples assigned to ``count`` classes, of ``total`` samples.

    ``belongs`` holds the class (0 to count - 1) of each assigned sample. KL is ``Σ pⱼ log(pⱼ count)`` in nats, from 0
    (even) to log count (all in one class; also the value when nothing is assigned).
    """
    histogram = torch.bincount(belongs, minlength=count).double()
    covered = float((histogram > least_share(count) * total).sum())
    if not len(belongs):
        return covered, math.log(count)
    share = histogram / histogram.sum()
    return covered, max(0.0, float(torch.xlogy(share, share * count).sum()))


def modes(samples: Tensor, centres: Tensor, deviation: float) -> dict[str, float]:
    """Modes covered, high-quality share and evenness of samples from a mixture of equal round Gaussians.

    ``samples [n, d]``, ``centres [k, d]``. A sample belongs to its nearest centre if it lies within 4 deviations of it.
    ``modes``: centres that own more than 1 % of all samples (a quarter of a fair share where there are more than 25
    modes); ``high_quality``: share of samples that belong to any centre; ``mode_kl``: KL divergence in nats of the
    histogram of those samples over centres from the uniform one, log k if there are none.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`, and `MetricError` for a deviation that is not positive.

    Reference: Srivastava et al. 2017, "VEEGAN" (modes and high-quality samples, there within 3 deviations); the
    thresholds here are those of the package's studies.
    """
    if not 0 < deviation < math.inf:
        raise MetricError(f"deviation is {deviation}; that of each mode is a positive number")
    x, known = validate_pair(samples, centres, ("samples", "centres"))
    edge = 2 * (float(known.abs().max().double()) + REACH * deviation)  # what lies beyond belongs to no mode
    if math.isfinite(edge):
        x = x.double().clamp(-edge, edge)
    (x, known), exponent = in_units(x, known)
    check_spread([known], middle(known))
    distance, index = nearest_neighbours(x, known)
    within = distance[:, 0] <= math.ldexp(REACH * deviation, -exponent)
    covered, kl = coverage(index[within, 0], len(known), len(x))
    return {"modes": covered, "high_quality": float(within.double().mean()), "mode_kl": kl}
