"""The Inception score: are samples of a clear class, and are all classes there?"""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core.hyperparameters import Count
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import validate_samples


class InceptionScore(Metric):
    """Exponential of the mean divergence between a sample's class probabilities and their average.

    ``exp(E KL(p(y|x) ‖ p(y)))`` in each of ``splits`` equal parts of the fake samples, in their order; mean and
    standard deviation over the parts. From 1 to the number of classes. The extractor must be a classifier.

    Raises `FeaturesError` (no logits), `TooFewSamplesError` (fewer samples than splits), `NotFiniteError`.

    Reference: Salimans, Goodfellow, Zaremba, Cheung, Radford & Chen 2016, "Improved Techniques for Training GANs",
    section 4.
    """

    bias: ClassVar[str] = "biased downward with few samples in a split"
    better: ClassVar[Mapping[str, int]] = {"inception_score": 1}
    signed = False
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"inception_score": (1.0, math.inf)}
    numbers: ClassVar[Mapping[str, str]] = {
        "inception_score": "how sure a classifier is of each sample and how varied its classes are: "
        "from 1 to the number of classes",
        "inception_score_deviation": "standard deviation of the score over splits",
    }

    def __init__(self, splits: Count = 10):
        self.splits = splits

    def tops(self, real: Sample) -> Mapping[str, float]:
        classes = Sample(real.values[:1], real.extractor).logits.shape[1]
        return {"inception_score": classes, "inception_score_deviation": (classes - 1) / 2}

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"inception_score": mean, "inception_score_deviation": over splits}``."""
        scores = self.scores(fake.logits)
        return {
            "inception_score": float(scores.mean()),
            "inception_score_deviation": float(scores.std(correction=0)),
        }

    def scores(self, logits: Tensor) -> Tensor:
        """The score of each split, from ``logits [n, classes]``."""
        log_p = validate_samples(logits, "logits", least=self.splits).double().log_softmax(1)
        edges = [i * len(log_p) // self.splits for i in range(self.splits + 1)]
        return torch.stack([_score(log_p[low:high]) for low, high in pairwise(edges)])


def _score(log_p: Tensor) -> Tensor:
    p = log_p.exp()
    return torch.xlogy(p, p).sum(1).mean().sub(torch.xlogy(p.mean(0), p.mean(0)).sum()).exp()
