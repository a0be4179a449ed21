"""Whether two sets of images are in the same units, and in those that features are of."""

import math
import warnings
from typing import TYPE_CHECKING

from nashpath.metrics.errors import MetricError, ShapeError, validate_kinds

if TYPE_CHECKING:
    from nashpath.metrics.base import Sample


def check_units(real: "Sample", fake: "Sample") -> None:
    """Raises `MetricError` for images of two layouts, kinds of numbers or units, or that their features cannot see.

    Warns where the ranges may be of two units (a generator that has collapsed or left the range has such, too), and
    where distances are in a unit that files are not measured in. Numbers that are not finite are left to the metrics,
    which name them.
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
    check_one_unit(real, fake)
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
    elif real.extractor.in_units_of_samples and unit_of(real) == unit_of(fake) == "0 to 1":
        warnings.warn(
            f"{reach}; distances of images from 0 to 1 are in that unit: published ones, and those of files, are of "
            "images from -1 to 1 (2 x - 1)",
            stacklevel=STACK,
        )


def check_one_unit(real: "Sample", fake: "Sample") -> None:
    """Raises `MetricError` for images of which one half surely is in another unit than the other (`unit_of`)."""
    units = {"real samples": unit_of(real), "generated ones": unit_of(fake)}
    if not all(units.values()) or len(set(units.values())) == 1:
        return
    cures = [f"{name} as {CONVERSIONS[unit]}" for name, unit in units.items() if unit in CONVERSIONS]
    raise MetricError(
        f"{_reach(real, fake)}: images in two units, {' and '.join(units.values())}, of which the difference would be "
        f"measured; give both from -1 to 1, {' and '.join(cures)}"
    )


def unit_of(sample: "Sample") -> str:
    """The unit that images surely are in; empty where their range may be of several, such as that of one flat image.

    Images from 0 to 1, or 255, stand on 0 and reach more than half of it; those from -1 to 1 reach below -1/2.
    """
    low, high = sample.ends
    for name, top in (("0 to 1", 1.0), ("0 to 255", 255.0)):
        if abs(low) <= NOISE * top and top / 2 <= high <= (1 + NOISE) * top:
            return name
    return "-1 to 1" if -1.5 <= low <= -0.5 and high <= 1.5 else ""


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


NOISE = 0.05
"""How far, as a part of the unit, the ends of images lie from its own: what resizing and a lack of pure black do."""
CONVERSIONS = {"0 to 1": "2 x - 1", "0 to 255": "x / 127.5 - 1"}
STACK = 5
"""Where, as a rule, the call of the user is, seen from a warning."""
