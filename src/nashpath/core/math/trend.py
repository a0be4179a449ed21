"""Whether a series falls or rises, by the order of its values alone."""

import math
from collections.abc import Sequence

import numpy as np


def rise_chance(values: Sequence[float]) -> float:
    """How seldom values without a trend rise as these do: the one-sided chance of as many rising pairs, or more.

    The exact distribution of the number of pairs i < j with xᵢ < xⱼ among all orders of n values (beyond 50 its normal
    limit): 1/24 of four that rise throughout. Pairs that are equal count as falling, so ties make it too large, never
    too small. It is exact for independent values of any one distribution; of neighbours that are alike (an AR(1) of
    coefficient 0.5 or more) it is too small, since such values do wander.

    Reference: Mann 1945, "Nonparametric Tests Against Trend"; Kendall 1938, "A New Measure of Rank Correlation".
    """
    x = np.asarray(values, dtype=float)
    n = len(x)
    rising = int((x[:, None] < x[None, :])[np.triu_indices(n, 1)].sum())
    if n > 50:
        deviation = math.sqrt(n * (n - 1) * (2 * n + 5) / 72)
        return 0.5 * math.erfc((rising - 0.5 - n * (n - 1) / 4) / deviation / math.sqrt(2))
    chances = np.ones(1)  # of 0, 1, ... rising pairs: the k-th value rises above 0 to k - 1 of those before, all alike
    for k in range(2, n + 1):
        chances = np.convolve(chances, np.full(k, 1 / k))
    return float(chances[rising:].sum())
