"""Types by name: functions, and shapes as jaxtyping annotations (equal names are equal sizes, which tests check)."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
"""From samples ``[n, *shape]`` to a logit, or features, of each."""

LogDensity = Callable[[Tensor], Tensor]
"""From points ``[n, *shape]`` to the logarithm of a density at each, ``[n]``."""

Scalar = Float[Tensor, ""]
"""A 0-d tensor: a cost, a norm."""

RealLogits = Float[Tensor, "reals *logit"]
"""Critic outputs on real samples: one logit each (``[n]`` or ``[n, 1]``), or a feature vector."""

FakeLogits = Float[Tensor, "fakes *logit"]
"""Critic outputs on generated samples."""

RealBatch = Float[Tensor, "reals *sample"]
"""Real samples, where a method says itself what it thinks of more of them than generated ones."""

FakeBatch = Float[Tensor, "fakes *sample"]
"""Generated samples beside them."""

SampleBatch = Float[Tensor, "batch *sample"]
"""A batch of samples: ``[batch, d]`` points or ``[batch, channels, height, width]`` images."""
