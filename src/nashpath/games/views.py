"""Other views of samples that leave what they show as it is: images moved and mirrored, vectors with noise.

All randomness is drawn beforehand; a view is a pure, twice differentiable function of samples and draws.
"""

import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad

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


SYMLET = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466),
    *(0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578),
    *(0.0017677118642428036, -0.007800708325034148),
)
"""The low-pass filter of the symlet with six vanishing moments (Daubechies 1992, Table 8.3); its shifts by two are
orthonormal."""
BESIDE = len(SYMLET) // 4
"""Pixels at each side of the result that the filter needs."""


def warped(x: Tensor, linear: Tensor, offset: Tensor) -> Tensor:
    """Images [batch, channels, height, width] under affine maps: at p is shown what was at ``linear p + offset``.

    Places are (x, y) in pixels from the centre; ``linear`` is [batch, 2, 2], ``offset`` [batch, 2]. Images are mirrored
    at their borders (beyond their mirror images there is nothing, 0), doubled in size by `SYMLET`, read by bilinear
    interpolation, and halved again by it: the identity leaves them as they are, and nothing aliases.

    Reference: Karras et al. 2020 (Training Generative Adversarial Networks with Limited Data), Appendix B.
    """
    before, size = x.shape[:2], x.shape[2:]
    rows, columns = (2 * (n + 2 * BESIDE) for n in size)
    doubled = [_doubled(_mirrored(torch.eye(n, dtype=x.dtype, device=x.device))) for n in size]
    halved = [_halved(torch.eye(n, dtype=x.dtype, device=x.device)) for n in (rows, columns)]
    there = [torch.arange(n, dtype=linear.dtype, device=x.device) - n / 2 + 1 for n in (columns, rows)]
    grid = torch.stack(torch.meshgrid(*there, indexing="xy")).flatten(1)
    at = linear @ grid + 2 * offset[:, :, None] - 0.5
    x = _along(x, *doubled)
    x = _bilinear(x, at[:, 0] + (x.shape[3] - 1) / 2, at[:, 1] + (x.shape[2] - 1) / 2)
    return _along(x.reshape(*before, rows, columns), *halved)


def _along(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Each column of images times the matrix ``rows``, and each row times ``columns``; both [before, after]."""
    return (x.transpose(2, 3) @ rows).transpose(2, 3) @ columns


def _mirrored(x: Tensor) -> Tensor:
    """Rows [n, size] with all of their mirror image at both ends, [n, 3 size − 2]."""
    size = x.shape[1]
    places = torch.arange(1 - size, 2 * size - 1, device=x.device).abs()
    return x[:, torch.where(places < size, places, 2 * (size - 1) - places)]


def _doubled(x: Tensor) -> Tensor:
    """Rows [n, size] at twice their length."""
    half = len(SYMLET) // 2
    return 2 * _filtered(pad(torch.stack([x, torch.zeros_like(x)], 2).flatten(1), (half, half - 1)), SYMLET[::-1])


def _halved(x: Tensor) -> Tensor:
    """Rows [n, 2 (size + 2 BESIDE)] at half their length, without what the filter needs beside, [n, size]."""
    return _filtered(x[:, 1:-1], SYMLET)[:, ::2]


def _filtered(x: Tensor, taps: tuple[float, ...]) -> Tensor:
    """The sums of neighbours in a row with weights ``taps``, which are made to add up to 1."""
    return conv1d(x[:, None], (x.new_tensor(taps) / sum(taps))[None, None])[:, 0]


def _bilinear(x: Tensor, column: Tensor, row: Tensor) -> Tensor:
    """Images [batch, channels, height, width] between their pixels at [batch, places] each; 0 beyond them."""
    height, width = x.shape[2:]
    flat, total = x.flatten(2), torch.zeros((), dtype=x.dtype, device=x.device)
    for across, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        i, j = column.floor() + across, row.floor() + down
        weight = (1 - (column - i).abs()) * (1 - (row - j).abs())
        inside = (i >= 0) & (i < width) & (j >= 0) & (j < height)
        place = (j.clamp(0, height - 1) * width + i.clamp(0, width - 1)).long()
        near = flat.gather(2, place[:, None].expand(-1, flat.shape[1], -1))
        total = total + near * torch.where(inside, weight, 0.0).to(x.dtype)[:, None]
    return total
