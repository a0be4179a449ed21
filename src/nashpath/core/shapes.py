"""Names for shapes, as jaxtyping annotations: in a signature, equal names are equal sizes. The tests check them."""

from jaxtyping import Float
from torch import Tensor

Scalar = Float[Tensor, ""]
"""A 0-d tensor: a cost, a norm."""

RealLogits = Float[Tensor, "reals *logit"]
"""What a critic says of real samples: one logit each (``[n]`` or ``[n, 1]``), or a feature vector."""

FakeLogits = Float[Tensor, "fakes *logit"]
"""What a critic says of generated samples."""

Samples = Float[Tensor, "batch *sample"]
"""A batch of samples: ``[batch, d]`` points or ``[batch, channels, height, width]`` images."""
