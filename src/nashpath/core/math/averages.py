"""Averages that forget."""

import torch
from torch import Tensor


def bias_correction(decay: float | Tensor, count: Tensor) -> Tensor:
    """1 − decayᶜᵒᵘⁿᵗ, the weight in an average ``a ← decay·a + (1 − decay)·x`` of all it has seen since it was 0.

    ``decay`` in [0, 1), ``count`` the terms seen so far, at least 1. It is −expm1(count · log decay), which keeps the
    digits that 1 − decayᶜᵒᵘⁿᵗ loses near ``decay`` = 1, and which a compiler takes once, before a loop over parameters:
    a power it takes anew for each part of them.

    Reference: Kingma and Ba 2015, Sec. 3.
    """
    return -torch.expm1(count * torch.as_tensor(decay, device=count.device).log())
