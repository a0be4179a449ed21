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
"""Share of all samples that a covered mode exceeds, where a quarter of its due is no less."""


def coverage(belongs: Tensor, count: int, total: int, due: Tensor | None = None) -> tuple[float, float]:
    """``(classes covered, KL divergence)`` of samples assigned to ``count`` classes, of ``total`` samples.

    ``belongs`` holds the class (0 to count - 1) of each assigned sample; ``due [count]`` are the shares qⱼ that classes
    should have, None for even ones. A class is covered by more than 1 % of the samples, or by more than a quarter of
    its due where that is less. KL is ``Σ pⱼ log(pⱼ / qⱼ)`` in nats, from 0 (the shares are those due) to −log of the
    least qⱼ (all in that class; also the value when nothing is assigned); infinite where a class has samples that
    should have none.
    """
    q = torch.full((count,), 1 / count, dtype=torch.double) if due is None else due.double()
    q = q.to(belongs.device)
    histogram = torch.bincount(belongs, minlength=count).double()
    covered = float((histogram > (0.25 * q).clamp(max=SHARE) * total).sum())
    if not len(belongs):
        return covered, -math.log(float(q[q > 0].min()))
    share = histogram / histogram.sum()
    more = share * count if due is None else torch.where(share > 0, share / q, 1.0)
    return covered, max(0.0, float(torch.xlogy(share, more).sum()))


def class_shares(labels: Tensor, count: int) -> Tensor:
    """The share of each of ``count`` classes among ``labels [n]``, ``[count]``."""
    return torch.bincount(labels, minlength=count).double() / len(labels)


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
