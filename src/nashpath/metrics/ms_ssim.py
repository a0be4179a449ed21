"""Variety within the fakes: how alike two random ones are."""

from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core.numbers import Count
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.checked import rows
from nashpath.metrics.errors import ShapeError
from nashpath.metrics.structure import similarity


class MSSSIM(Metric):
    """Mean multi-scale structural similarity of random pairs of different samples.

    ``ms_ssim`` is near 1 if the fakes are all alike; compare it with ``ms_ssim_real``, the same for the reals. Images
    in [-1, 1]; Gaussian window of 11 pixels (less on smaller images), and as many of the five scales as it fits into.

    Raises `ShapeError` (not images), `TooFewSamplesError` (fewer than two), `NotFiniteError`.

    Reference: Odena, Olah & Shlens 2017, "Conditional Image Synthesis with Auxiliary Classifier GANs", section 4.2
    (there within classes); Wang, Simoncelli & Bovik 2003, "Multi-scale Structural Similarity for Image Quality
    Assessment".
    """

    bias: ClassVar[str] = "unbiased; noise falls with the number of pairs"

    def __init__(self, pairs: Count = 1000):
        self.pairs = pairs

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"ms_ssim": mean over pairs of fakes, "ms_ssim_real": over pairs of reals}``."""
        return {"ms_ssim": self._mean(fake, "fake", rng), "ms_ssim_real": self._mean(real, "real", rng)}

    def _mean(self, sample: Sample, name: str, rng: torch.Generator) -> float:
        images = checked_images(sample.values, name)
        first = torch.randint(len(images), (self.pairs,), generator=rng, device=rng.device).to(images.device)
        step = torch.randint(1, len(images), (self.pairs,), generator=rng, device=rng.device).to(images.device)
        second = (first + step) % len(images)
        parts = [similarity(images[a], images[b]) for a, b in zip(first.split(64), second.split(64))]
        return float(torch.cat(parts).mean())


def checked_images(values: Tensor, name: str) -> Tensor:
    """``[n, channels, h, w]``, finite, two at least."""
    rows(values, name, least=2)
    if values.dim() != 4:
        raise ShapeError(f"{name} has shape {tuple(values.shape)}; similarity needs images [n, channels, h, w]")
    return values
