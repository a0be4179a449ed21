"""Other views of samples that leave what they show as it is: images moved and mirrored, vectors with noise.

All randomness is drawn beforehand; a view is a pure, twice differentiable function of samples and draws.
"""

import torch
from torch import Tensor

from nashpath.core import Batch, Key


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether a sample has channels, rows and columns."""
    return len(shape) == 3


def draw_view(key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
    """The randomness of `view` for samples shaped (*lead, *shape): three uniform numbers an image, else normal ones."""
    if is_image(shape):
        return {"uniform": key.uniform((*lead, 3))}
    return {"normal": key.normal((*lead, *shape))}


def view(x: Tensor, drawn: Batch, pixels: int, deviation: Tensor) -> Tensor:
    """Images mirrored with probability ½ and shifted by up to ``pixels`` a side; other samples moved by normal noise.

    What a shift uncovers mirrors the border. Shape: that of ``x``, [batch, *sample].
    """
    if "normal" in drawn:
        return x + deviation * drawn["normal"].to(x.dtype)
    mirrored = torch.where((drawn["uniform"][:, 0] < 0.5)[:, None, None, None], x, x.flip(3))
    for axis, place in ((2, 1), (3, 2)):
        most = min(pixels, x.shape[axis] - 1)
        mirrored = shift(mirrored, whole(drawn["uniform"][:, place], most), axis, reflect=True)
    return mirrored


def whole(uniform: Tensor, most: int) -> Tensor:
    """Uniform numbers in [0, 1) as whole ones from −most to most, equally likely."""
    return ((2 * most + 1) * uniform).floor().clamp(max=2 * most).long() - most


def shift(x: Tensor, by: Tensor, axis: int, reflect: bool = False) -> Tensor:
    """Images [batch, channels, height, width], each moved along ``axis`` (2 or 3) by a whole number of pixels, [batch].

    The pixel at i shows what was at i + by: beyond the border its mirror image, or zero.
    """
    size = x.shape[axis]
    source = torch.arange(size, device=x.device) + by[:, None]
    if reflect:
        source = source.abs()
        source = torch.where(source < size, source, 2 * (size - 1) - source)
    inside = (source >= 0) & (source < size)
    places = source.clamp(0, size - 1)
    expand = (slice(None), None, slice(None), None) if axis == 2 else (slice(None), None, None, slice(None))
    return x.gather(axis, places[expand].expand_as(x)) * inside[expand].to(x.dtype)
