"""The percentile bootstrap: intervals of means over few members."""

import numpy as np


def interval(values: list[float], level: float = 0.95, resamples: int = 4000) -> tuple[float, float, float]:
    """``(mean, low, high)``: the mean of ``values`` and its percentile bootstrap interval.

    Members are drawn anew with replacement ``resamples`` times, always from the same generator, so the same members
    give the same interval. With one value the interval is unknown: both ends are NaN.

    Reference: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
    """
    sample = np.asarray(values, dtype=float)
    if sample.size < 2:
        return float(sample.mean()), float("nan"), float("nan")
    picks = np.random.default_rng(0).integers(sample.size, size=(resamples, sample.size))
    tail = 50 * (1 - level)
    low, high = np.percentile(sample[picks].mean(axis=1), [tail, 100 - tail])
    return float(sample.mean()), float(low), float(high)
