"""The largest singular value of a layer's weight, as a matrix with one row per output, by power iteration."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nashpath.core.torch_compat import CONVOLUTIONS, TRANSPOSED_CONVOLUTIONS
from nashpath.core.typed import leading_eigenvector

WEIGHTED = (nn.Linear, *CONVOLUTIONS)
"""Layers whose weight is a matrix."""


def weight_matrix(layer: nn.Module) -> Tensor:
    """The layer's weight, [outputs, all other axes]."""
    outputs = 1 if isinstance(layer, TRANSPOSED_CONVOLUTIONS) else 0
    return cast(Tensor, layer.weight).movedim(outputs, 0).flatten(1)


def leading_vector(matrix: Tensor) -> Tensor:
    """The unit left singular vector ``[rows]`` of the largest singular value, by the smaller Gram matrix."""
    exact = matrix.double()
    rows, columns = exact.shape
    u = leading_eigenvector(exact @ exact.mT) if rows <= columns else exact @ leading_eigenvector(exact.mT @ exact)
    return F.normalize(u, dim=0).to(matrix.dtype)


def power_step(matrix: Tensor, u: Tensor) -> Tensor:
    """One power iteration on ``u`` [rows]: ``v = Wᵀu / |Wᵀu|``, ``u = Wv / |Wv|``."""
    renewed = F.normalize(matrix @ F.normalize(matrix.mT @ u, dim=0), dim=0)
    return torch.where(renewed.any(), renewed, u)  # zeros give u = 0, from which no later iteration would escape
