"""Whether two sets of images are in the same units, and in those that features are of."""

import math
import warnings
from typing import TYPE_CHECKING

from nashpath.metrics.errors import MetricError, ShapeError, validate_kinds

if TYPE_CHECKING:
    from nashpath.metrics.base import Sample


def check_units(real: "Sample", fake: "Sample") -> None:
    """Raises `MetricError` for images of two layouts or kinds of numbers, or that their features cannot see.

    Warns where the ranges of both are of two units, or those of bytes. Numbers that are not finite are left to the
    metrics, which name them.
    """
    a, b = real.values, fake.values
    if a.dim() != 4 or b.dim() != 4 or not a.numel() or not b.numel():
        return
    if a.shape[1:] != b.shape[1:]:
        raise ShapeError(
            f"a real sample has shape {tuple(a.shape[1:])}, a generated one {tuple(b.shape[1:])}: give images of one "
            "size, both as [n, channels, height, width]"
        )
    validate_kinds(a, b)
    (low, high), (least, most) = real.ends, fake.ends
    if not all(map(math.isfinite, (low, high, least, most))):
        return
    span, other = high - low, most - least
    if span == other == 0 and max(abs(low), abs(least)) <= 1.5:  # of one value that fits nothing can be told
        return
    reach = _reach(real, fake)
    if real.extractor.signed_images:
        check_signed(real, fake, f"{real.extractor.name} features are those")
    signs = min(low, least) < -0.1 * max(span, other) and max(low, least) >= 0
    if signs or max(span, other) > 10 * min(span, other) > 0:
        warnings.warn(
            f"{reach}; if these are images in two units, what is measured is the difference of the units",
            stacklevel=STACK,
        )
    elif not b.is_floating_point():
        warnings.warn(
            f"{reach}, as whole numbers: distances are then in units of bytes; published ones are of images from -1 to "
            "1 (x / 127.5 - 1)",
            stacklevel=STACK,
        )


def check_signed(real: "Sample", fake: "Sample", what: str) -> None:
    """Raises `MetricError` for images that are not from -1 to 1, where ``what`` is of such.

    Either set may lie on one side of 0, or leave the range by as much as noise does, and nothing is told from numbers
    that are all one, or not finite.
    """
    (low, high), (least, most) = real.ends, fake.ends
    bottom, top = min(low, least), max(high, most)
    if low == high and least == most and max(abs(low), abs(least)) <= 1.5:
        return
    if math.isfinite(bottom) and math.isfinite(top) and not -1.5 <= bottom < 0 < top <= 1.5:
        raise MetricError(
            f"{_reach(real, fake)}; {what} of images from -1 to 1: give x / 127.5 - 1 of bytes, 2 x - 1 of numbers "
            "from 0 to 1"
        )


def _reach(real: "Sample", fake: "Sample") -> str:
    (low, high), (least, most) = real.ends, fake.ends
    return f"real samples reach from {low:.3g} to {high:.3g}, generated ones from {least:.3g} to {most:.3g}"


STACK = 5
"""Where, as a rule, the call of the user is, seen from a warning."""
