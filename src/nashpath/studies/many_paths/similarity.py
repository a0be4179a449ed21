"""How alike the samples of one batch are: mean structural similarity over all its pairs.

Fedus et al. 2017, Sec. 5.3: multi-scale SSIM over 5 batches of 64, identical pairs left out; on images too small for
five scales, of as many as fit.
"""

import torch
from torch import Tensor

from nashpath.metrics.structure import similarity


def similarity_in_batches(samples: Tensor, batches: int = 5, size: int = 64) -> float:
    """The mean over ``batches`` of the mean over all pairs of different samples of a batch, samples [n, c, h, w].

    Raises `ValueError` where there are too few samples.
    """
    if len(samples) < batches * size:
        raise ValueError(f"{batches} batches of {size} need {batches * size} samples; there are {len(samples)}")
    first, second = torch.triu_indices(size, size, offset=1)
    parts = [_mean(part[first], part[second]) for part in samples[: batches * size].split(size)]
    return sum(parts) / batches


def _mean(a: Tensor, b: Tensor) -> float:
    return float(torch.cat([similarity(x, y) for x, y in zip(a.split(256), b.split(256))]).mean())
