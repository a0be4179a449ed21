"""Variety within the fakes: how alike two random ones are."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from nashpath.core.hyperparameters import Count
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import MetricError, ShapeError, validate_samples
from nashpath.metrics.units import check_signed


class MSSSIM(Metric):
    """Mean multi-scale structural similarity of random pairs of different samples.

    ``ms_ssim`` is near 1 if the fakes are all alike; compare it with ``ms_ssim_real``, the same for the reals. Images
    in [-1, 1], of which the intensities ``x + 1`` are compared (the definition needs them from 0 upward). Gaussian
    window of 11 pixels (less on smaller images), and as many of the five scales as it fits into. Each channel is
    compared by itself through all scales; the similarity of two images is the mean over their channels.

    Raises `ShapeError` (not images), `TooFewSamplesError` (fewer than two), `NotFiniteError`, and `MetricError` for
    images that leave [-1, 1], or none of which is below 0.

    Reference: Odena, Olah & Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs", section 4.2
    (there within classes); Wang, Simoncelli & Bovik 2003, "Multi-scale Structural Similarity for Image Quality
    Assessment"; the pooling of channels is that of ``tf.image.ssim_multiscale`` and of the package pytorch_msssim.
    """

    bias: ClassVar[str] = "unbiased; noise falls with the number of pairs"
    better: ClassVar[Mapping[str, int]] = {"ms_ssim": -1}
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"ms_ssim": (0.0, 1.0), "ms_ssim_real": (0.0, 1.0)}
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "ms_ssim": "mean likeness of two generated images, at most 1: high where all look alike",
        "ms_ssim_real": "the same for real images, at most 1",
    }

    def __init__(self, pairs: Count = 1000):
        self.pairs = pairs

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"ms_ssim": mean over pairs of fakes, "ms_ssim_real": over pairs of reals}``."""
        for sample, name in ((fake, "fake"), (real, "real")):
            checked_images(sample.values, name)
        check_signed(real, fake, "similarity is")
        return {"ms_ssim": self._mean(fake, rng), "ms_ssim_real": self._mean(real, rng)}

    def _mean(self, sample: Sample, rng: torch.Generator) -> float:
        images = sample.values
        first = torch.randint(len(images), (self.pairs,), generator=rng, device=rng.device).to(images.device)
        step = torch.randint(1, len(images), (self.pairs,), generator=rng, device=rng.device).to(images.device)
        second = (first + step) % len(images)
        parts = [similarity(images[a], images[b]) for a, b in zip(first.split(64), second.split(64))]
        return float(torch.cat(parts).mean())


def checked_images(values: Tensor, name: str) -> None:
    """Raises for what is not ``[n, channels, h, w]`` in [-1, 1], two at least."""
    flat = validate_samples(values, name, least=2)
    if values.dim() != 4:
        raise ShapeError(f"{name} has shape {tuple(values.shape)}; similarity needs images [n, channels, h, w]")
    low, high = float(flat.min()), float(flat.max())
    if max(-low, high) > 1 + BEYOND:
        raise MetricError(
            f"{name} has intensities from {low:.4g} to {high:.4g}; similarity is defined for images in [-1, 1]: scale "
            "or clamp them, or end the generator in tanh"
        )


WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
WINDOW = 11
DEVIATION = 1.5
RANGE = 2.0
BEYOND = 1e-3
"""How far an image may leave [-1, 1] by rounding or resizing; it is clamped."""


def scales(side: int) -> tuple[int, int]:
    """``(window, number of scales)`` for images whose shorter side is ``side``: the window fits at every scale."""
    window = min(WINDOW, side - 1 + side % 2)
    fitting = [s for s in range(1, len(WEIGHTS) + 1) if side >> (s - 1) >= window]
    return window, max(fitting)


def similarity(x: Tensor, y: Tensor) -> Tensor:
    """``[n, c, h, w]`` twice, in [-1, 1] -> ``[n]``, at most 1: the mean over channels.

    Negative structure counts as none. Fewer than five scales have weights that are rescaled to sum to 1; the five
    published ones sum to 1.0001. Between scales 2x2 pixels become one; an odd row or column at the end is left out.
    """
    window, count = scales(min(x.shape[-2:]))
    weights = torch.tensor(WEIGHTS[:count], dtype=torch.double, device=x.device)
    a, b = (part.double().clamp(-1, 1) + 1 for part in (x, y))
    product = torch.ones(x.shape[:2], dtype=torch.double, device=x.device)
    for level, weight in enumerate(weights if count == len(WEIGHTS) else weights / weights.sum()):
        whole, structure = _compare(a, b, window)
        last = level == count - 1
        product = product * (whole if last else structure).clamp(min=0) ** weight
        if not last:
            a, b = avg_pool2d(a, 2), avg_pool2d(b, 2)
    return product.mean(1)


def _windows(side: int, window: int) -> Tensor:
    """The window at each of its places along a line, as columns ``[side, side - window + 1]``.

    The window of an image is the product of two lines, and two products with these matrices take a thirtieth of the
    time of a convolution, which in float64 has no fast kernel on a CPU.
    """
    offset = torch.arange(window, dtype=torch.double) - (window - 1) / 2
    line = torch.exp(-offset.square() / (2 * DEVIATION**2))
    place = torch.arange(side)[:, None] - torch.arange(side - window + 1)
    return torch.where((place >= 0) & (place < window), (line / line.sum())[place.clamp(0, window - 1)], 0.0)


def _compare(x: Tensor, y: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """``(similarity, its contrast and structure part)`` at one scale, mean over pixels: ``[n, c]`` each."""
    down, across = (_windows(side, window).to(x) for side in x.shape[-2:])
    stack = torch.stack([x, y, x * x, y * y, x * y])
    mx, my, xx, yy, xy = (down.mT @ (stack @ across)).flatten(-2)
    small, middle = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    spread = (xx - mx * mx).clamp(min=0) + (yy - my * my).clamp(min=0)
    structure = (2 * (xy - mx * my) + middle) / (spread + middle)
    brightness = (2 * mx * my + small) / (mx * mx + my * my + small)
    return (brightness * structure).mean(2), structure.mean(2)
