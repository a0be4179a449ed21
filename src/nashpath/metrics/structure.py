"""Multi-scale structural similarity of two images: contrast and structure at every scale, brightness at the last."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = 11
DEVIATION = 1.5
RANGE = 2.0


def scales(side: int) -> tuple[int, int]:
    """``(window, number of scales)`` for images whose shorter side is ``side``: the window fits at every scale."""
    window = min(WINDOW, side - 1 + side % 2)
    fitting = [s for s in range(1, len(WEIGHTS) + 1) if side >> (s - 1) >= window]
    return window, max(fitting)


def similarity(x: Tensor, y: Tensor) -> Tensor:
    """``[n, c, h, w]`` twice, in [-1, 1] -> ``[n]``, at most 1; negative structure counts as none.

    With fewer than five scales their weights are rescaled to sum to 1.
    """
    window, count = scales(min(x.shape[-2:]))
    weights = torch.tensor(WEIGHTS[:count], dtype=torch.double, device=x.device)
    a, b, product = x.double(), y.double(), torch.ones(len(x), dtype=torch.double, device=x.device)
    for level, weight in enumerate(weights / weights.sum()):
        whole, structure = _compare(a, b, window)
        last = level == count - 1
        product = product * (whole if last else structure).clamp(min=0) ** weight
        if not last:
            a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    return product


def _compare(x: Tensor, y: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """``(similarity, its contrast and structure part)`` at one scale, mean over pixels and channels: ``[n]`` each."""
    offset = torch.arange(window, dtype=x.dtype, device=x.device) - (window - 1) / 2
    line = torch.exp(-offset.square() / (2 * DEVIATION**2))
    kernel = torch.outer(line, line)[None, None] / line.sum() ** 2
    n, c, h, w = x.shape
    stack = torch.cat([x, y, x * x, y * y, x * y]).reshape(5 * n * c, 1, h, w)
    mx, my, xx, yy, xy = conv2d(stack, kernel).reshape(5, n, -1)
    small, middle = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    spread = (xx - mx * mx).clamp(min=0) + (yy - my * my).clamp(min=0)
    structure = (2 * (xy - mx * my) + middle) / (spread + middle)
    brightness = (2 * mx * my + small) / (mx * mx + my * my + small)
    return (brightness * structure).mean(1), structure.mean(1)
