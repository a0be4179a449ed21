"""Units for samples of any finite size: squares and products of what is measured neither overflow nor vanish.

A power of two changes no digit, so a number that is measured in such units is the number, to within its scale.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from nashpath.metrics.errors import MetricError

USUAL = 64
"""Samples between 2^-64 and 2^64 are measured as they are."""

SQUARES = 480
"""Samples between 2^-480 and 2^480 have squares, and sums of many of them, in float64."""


def exponent_of(*parts: Tensor) -> int:
    """The least e with all numbers below 2^e in size; 0 within the usual sizes, and for zeros."""
    largest = max((float(part.detach().abs().max().double()) for part in parts if part.numel()), default=0.0)
    exponent = math.frexp(largest)[1] if largest else 0
    return exponent if abs(exponent) > USUAL else 0


def scaled(x: Tensor, exponent: int) -> Tensor:
    """``x / 2^exponent`` in float64, in two halves where one factor would overflow and the result does not."""
    if abs(exponent) < 1000:
        return x.double() * math.ldexp(1.0, -exponent)
    half = -exponent // 2
    return x.double() * math.ldexp(1.0, half) * math.ldexp(1.0, -exponent - half)


def in_units(*parts: Tensor) -> tuple[list[Tensor], int]:
    """The parts divided by ``2^exponent``, and the exponent; as they are within the usual sizes."""
    exponent = exponent_of(*parts)
    return ([scaled(part, exponent) for part in parts] if exponent else list(parts)), exponent


def restored(value: float, exponent: int, name: str, power: int = 1) -> float:
    """A number of the samples' ``power``-th units back in them; a `MetricError` where float64 cannot hold it."""
    try:
        found = math.ldexp(value, power * exponent)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found) or (found == 0 and value != 0):
        raise MetricError(
            f"{name} is {value:.4g} times 2^{power * exponent}, which float64 cannot hold; divide real and fake "
            f"samples by {2.0 ** max(-1000, min(1000, exponent)):.0e}"
        )
    return found


def check_spread(parts: Sequence[Tensor], middle: Tensor) -> None:
    """Raises `MetricError` where some rows are so far from the ``middle`` that squares of the others' distances vanish.

    ``parts`` are ``[n, d]`` in units in which the largest is about 1.
    """
    sizes = torch.cat([(part - middle).abs().amax(1).double() for part in parts])
    largest, apart = float(sizes.max()), sizes[sizes > 0]
    if largest > 0 and float(apart.min()) < largest * 2.0**-SQUARES:
        far = int((sizes > largest * 2.0**-SQUARES).sum())
        raise MetricError(
            f"{far} of {len(sizes)} rows of samples or features are 2^{SQUARES} times as far out as others, among "
            "which no distance can be told then; leave them out, or clip them"
        )


def check_squares(x: Tensor, name: str) -> None:
    """Raises `MetricError` where squares of the samples leave float64."""
    exponent = exponent_of(x)
    if abs(exponent) > SQUARES:
        raise MetricError(
            f"{name} are as large as {float(x.abs().max()):.2g}, and their squares leave float64; divide real and fake "
            f"samples by {2.0 ** max(-1000, min(1000, exponent)):.0e}"
        )


def check_finite(found: dict[str, float], x: Tensor, y: Tensor) -> dict[str, float]:
    """The numbers, or a `MetricError` where one has left float64 on the way."""
    bad = [name for name, value in found.items() if not math.isfinite(value)]
    if bad:
        size = float(torch.maximum(x.abs().max().double(), y.abs().max().double()))
        raise MetricError(
            f"{', '.join(bad)} cannot be computed in float64 from samples as large as {size:.2g}; divide real and fake "
            f"samples by {size:.0e}"
        )
    return found
