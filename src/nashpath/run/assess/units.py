"""Whether two sets of images are in the same units, and in those that features are of."""

import warnings
from typing import Any

from torch import Tensor

from nashpath.metrics import MetricError, Sample


def check_units(real: Tensor | Sample, fake: Tensor, features: Any) -> None:
    """Raises `MetricError` for images of two layouts or kinds of numbers, or that ``features`` cannot see.

    Warns where the ranges of both are of two units, or those of bytes.
    """
    held = real if isinstance(real, Sample) else Sample(real)
    if held.values.dim() != 4 or fake.dim() != 4 or not held.values.numel() or not fake.numel():
        return
    if held.values.shape[1:] != fake.shape[1:]:
        raise MetricError(
            f"a real sample has shape {tuple(held.values.shape[1:])}, a generated one {tuple(fake.shape[1:])}: "
            "give images of one size, both as [n, channels, height, width]"
        )
    if held.values.is_floating_point() != fake.is_floating_point():
        raise MetricError(
            f"real samples are {held.values.dtype}, generated ones {fake.dtype}: give both in the same units, such as "
            "from -1 to 1 (bytes as x / 127.5 - 1), or two files, whose units are found out"
        )
    (low, high), (least, most) = _range(held), _range(Sample(fake))
    span, other = high - low, most - least
    reach = f"real samples reach from {low:.3g} to {high:.3g}, generated ones from {least:.3g} to {most:.3g}"
    if isinstance(features, str) and features != "pixels" and not -1.5 <= min(low, least) < 0 < max(high, most) <= 1.5:
        raise MetricError(
            f"{reach}; {features} features are those of images from -1 to 1: give x / 127.5 - 1 of bytes, 2 x - 1 of "
            "numbers from 0 to 1"
        )
    signs = min(low, least) < -0.1 * max(span, other) and max(low, least) >= 0
    if signs or max(span, other) > 10 * min(span, other) > 0:
        warnings.warn(
            f"{reach}; if these are images in two units, what is measured is the difference of the units", stacklevel=3
        )
    elif not fake.is_floating_point():
        warnings.warn(
            f"{reach}, as whole numbers: distances are then in units of bytes; published ones are of images from -1 to "
            "1 (x / 127.5 - 1)",
            stacklevel=3,
        )


def _range(sample: Sample) -> tuple[float, float]:
    """The least and the largest number, looked for once for each sample."""

    def found() -> dict[str, Tensor]:
        low, high = sample.values.aminmax()
        return {"low": low, "high": high}

    ends = sample.once("range", found)
    return float(ends["low"]), float(ends["high"])
