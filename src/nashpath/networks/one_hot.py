"""Outputs that are categories: one-hot, with the derivative of a softmax."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class OneHotOutput(nn.Module):
    """A network of whose outputs some blocks are one-hot, by a straight-through softmax.

    ::

        y = onehot(argmax_k ℓ_k),      ∂y := ∂ softmax(ℓ / temperature)

    for the numbers ℓ of each of the ``blocks`` ``(begin, width)``; all others are as they were. The critic sees
    categories as real rows have them, and the generator learns as if it had given shares. No noise is added to ℓ: the
    latents choose the category, so samples, trainings and exported programs are one function. Shapes: what ``network``
    maps to ``[batch, d]``.

    Raises `ValueError` for blocks that overlap, or that are no whole numbers of at least 1.

    Reference: Jang, Gu & Poole 2017, "Categorical Reparameterization with Gumbel-Softmax", section 2.2 (straight
    through; with noise there); Bengio, Léonard & Courville 2013; Xu et al. 2019, section 4 (one-hot columns of tables).
    """

    def __init__(self, network: nn.Module, blocks: Sequence[tuple[int, int]], temperature: float = 1.0):
        super().__init__()
        if not temperature > 0:
            raise ValueError(f"temperature must be above 0, got {temperature}")
        end = 0
        for begin, width in blocks:
            if begin < end or width < 1:
                raise ValueError(f"blocks must be in order and not overlap, each of at least 1 number; got {blocks}")
            end = begin + width
        self.network, self.temperature = network, temperature
        self.blocks = [(int(begin), int(width)) for begin, width in blocks]

    def forward(self, *inputs: Tensor) -> Tensor:
        x = self.network(*inputs)
        parts, end = [], 0
        for begin, width in self.blocks:
            logits = x[..., begin : begin + width]
            parts += [x[..., end:begin], straight_through(logits, self.temperature)]
            end = begin + width
        return torch.cat([*parts, x[..., end:]], -1)


def straight_through(logits: Tensor, temperature: float = 1.0) -> Tensor:
    """One-hot at the largest of ``logits [..., k]`` (the first of equal ones), with the derivative of their softmax."""
    shares = torch.softmax(logits / temperature, -1)
    places = torch.arange(logits.shape[-1], device=logits.device)
    chosen = (places == logits.argmax(-1, keepdim=True)).to(shares.dtype)
    return chosen + (shares - shares.detach())
