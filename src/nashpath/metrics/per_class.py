"""Samples that were asked for by class: are they of it, and how far is each class from the data's?"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Count
from nashpath.core.source import Source, is_labelled
from nashpath.metrics.base import GLANCED, GLANCED_AGAINST, Metric, Sample
from nashpath.metrics.errors import FeaturesError, TooFewSamplesError, validate_labels, validate_pair
from nashpath.metrics.moments import frechet, moments
from nashpath.metrics.nearest import nearest_labels
from nashpath.metrics.scale import check_finite

SPELT_OUT = 20
"""Of more classes only the means are told."""


def class_accuracy(samples: Tensor, asked: Tensor, source: Source) -> dict[str, float]:
    """``{"class_accuracy"}``: the share of ``samples`` [n, ...] whose nearest real one is of the class ``asked`` [n].

    Of at most `GLANCED` samples, among `GLANCED_AGAINST` real ones; empty for data without labels.
    """
    if not is_labelled(source):
        return {}
    examples, labels = source.labelled_examples(GLANCED_AGAINST)
    found = nearest_labels(samples[:GLANCED], examples.to(samples.device), labels)
    return {"class_accuracy": _share(found == asked[:GLANCED].to(found.device))}


class PerClass(Metric):
    """Accuracy of the class of samples that were asked for by class, and Fréchet distance within each class.

    The share of samples that are of the class ``asked`` [n] is ``classifier_accuracy`` where the classifier of the
    features knows these classes (it has one output a class and is right about more than half of the real samples), else
    ``class_accuracy``, by the nearest real sample, as through training. ``intra_fid``: the mean over classes of the
    Fréchet distance between the real and the generated samples of a class, in the features. Of up to 20 classes also
    each with ``.K``, the number of the class. ``labels`` [m] are those of the real samples; a class with fewer than two
    samples of either kind has no distance and is left out of the mean.

    Raises `TooFewSamplesError` where no class has two samples of both kinds.

    Reference: Miyato and Koyama 2018, "cGANs with Projection Discriminator", section 5 (intra FID); Ravuri and Vinyals
    2019 and Shmelkov, Schmid and Alahari 2018 for accuracies of classifiers on generated samples.
    """

    bias: ClassVar[str] = "intra_fid is biased upward, more so with fewer samples of each class"
    better: ClassVar[Mapping[str, int]] = {"class_accuracy": 1, "classifier_accuracy": 1, "intra_fid": -1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "class_accuracy": "share of generated samples whose nearest real one is of the class that was asked for",
        "classifier_accuracy": "share of generated samples that the features' classifier takes for the class that was "
        "asked for",
        "intra_fid": "mean over classes of the Fréchet distance between a class's real and generated samples, in units "
        "of the features squared",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"class_accuracy", "classifier_accuracy"})

    def __init__(self, labels: Tensor, classes: Count, asked: Tensor):
        self.labels, self.classes, self.asked = labels, classes, asked

    def caveat(self, real: Sample, fake: Sample) -> str:
        judged = "the features' classifier" if self._classifies(real) else "the nearest real sample"
        return f"{self.bias}; classes told by {judged}"

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"class_accuracy" or "classifier_accuracy", "intra_fid"}``, and each with ``.K``."""
        validate_pair(fake.values, real.values, ("samples", "real samples"))
        asked = validate_labels(self.asked, len(fake), self.classes, "asked", "samples").to(fake.values.device)
        labels = validate_labels(self.labels, len(real), self.classes).to(real.values.device)
        by_classifier = self._classifies(real)
        accuracy = "classifier_accuracy" if by_classifier else "class_accuracy"
        if by_classifier:
            told = fake.logits.argmax(1).to(asked.device)
        else:
            told = nearest_labels(fake.values, real.values, labels).to(asked.device)
        right = told == asked
        accuracies, distances = dict[int, float](), dict[int, float]()
        for k in range(self.classes):
            of_real, of_fake = (labels == k), (asked == k)
            if bool(of_fake.any()):
                accuracies[k] = _share(right[of_fake])
            if min(int(of_real.sum()), int(of_fake.sum())) >= 2:
                parts = real.features[of_real.to(real.features.device)], fake.features[of_fake.to(fake.features.device)]
                distances[k] = frechet(moments(parts[0]), moments(parts[1]))
        if not distances:
            raise TooFewSamplesError("no class has two real and two generated samples, so none has a distance")
        found = {accuracy: _share(right), "intra_fid": sum(distances.values()) / len(distances)}
        if self.classes <= SPELT_OUT:
            found |= {f"{accuracy}.{k}": value for k, value in accuracies.items()}
            found |= {f"intra_fid.{k}": value for k, value in distances.items()}
        return check_finite(found, real.features, fake.features)

    def _classifies(self, real: Sample) -> bool:
        """Whether the features come with a classifier of these classes."""
        try:
            logits = real.logits
        except FeaturesError:
            return False
        return logits.shape[1] == self.classes and _share(logits.argmax(1).cpu() == self.labels.cpu()) > 0.5


def _share(right: Tensor) -> float:
    return float(right.double().mean())
