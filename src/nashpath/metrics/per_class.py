"""Samples that were asked for by class: are they of it, and how far is each class from the data's?"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Count
from nashpath.core.errors import first_names
from nashpath.core.source import Source, is_labelled
from nashpath.metrics.base import GLANCED, GLANCED_AGAINST, Metric, Sample
from nashpath.metrics.errors import FeaturesError, TooFewSamplesError, validate_labels, validate_pair
from nashpath.metrics.moments import frechet, moments
from nashpath.metrics.nearest import nearest_labels
from nashpath.metrics.scale import check_finite

SPELT_OUT = 20
"""Of more classes only the means are told."""

FEW = 10
"""Of fewer samples of a class the distance tells their number rather than what they are like."""


def class_accuracy(samples: Tensor, asked: Tensor, source: Source) -> dict[str, float]:
    """``{"class_accuracy"}``: the share of ``samples`` [n, ...] whose nearest real one is of the class ``asked`` [n].

    Of at most `GLANCED` samples, among `GLANCED_AGAINST` real ones; empty for data without labels. Left out are those
    asked for of a class of which there is no real one, as none of them can be right.
    """
    if not is_labelled(source):
        return {}
    examples, labels = source.labelled_examples(GLANCED_AGAINST)
    found = nearest_labels(samples[:GLANCED], examples.to(samples.device), labels)
    wanted = asked[:GLANCED].to(found.device)
    possible = torch.isin(wanted, labels.to(found.device))
    return {"class_accuracy": _share((found == wanted)[possible])} if bool(possible.any()) else {}


class PerClass(Metric):
    """Accuracy of the class of samples that were asked for by class, and Fréchet distance within each class.

    The share of samples that are of the class ``asked`` [n] is ``classifier_accuracy`` where the classifier of the
    features knows these classes (it has one output a class and is right about more than half of the real samples), else
    ``class_accuracy``, by the nearest real sample, as through training. ``intra_fid``: the mean over classes of the
    Fréchet distance between the real and the generated samples of a class, in the features. Of up to 20 classes also
    each with ``.K``, the number of the class. ``labels`` [m] are those of the real samples.

    Left out, and named in the protocol, are: of ``class_accuracy`` the samples asked for of a class without real ones,
    which cannot be right; of ``intra_fid`` the classes with fewer than ten samples of either kind, and, where no class
    has ten of both, those with fewer than two.

    Raises `TooFewSamplesError` where no class has two samples of both kinds.

    Reference: Miyato and Koyama 2018, "cGANs with Projection Discriminator", section 5 (intra FID); Ravuri and Vinyals
    2019 and Shmelkov, Schmid and Alahari 2018 for accuracies of classifiers on generated samples.
    """

    bias: ClassVar[str] = "intra_fid is biased upward, more so with fewer samples of each class"
    better: ClassVar[Mapping[str, int]] = {"class_accuracy": 1, "classifier_accuracy": 1, "intra_fid": -1}
    by_class: ClassVar[frozenset[str]] = frozenset(better)
    signed = False
    least = 2
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
        by_classifier = self._classifies(real)
        judged = "the features' classifier" if by_classifier else "the nearest real sample"
        words = [self.bias, f"classes told by {judged}"]
        of_real, of_fake = self._counts()
        unknown = (of_real == 0) & (of_fake > 0)
        if bool(unknown.any()) and not by_classifier:
            words.append(f"class_accuracy without samples asked for of {_named(unknown)}: there are no real ones")
        least = self._least()
        if bool((skipped := torch.minimum(of_real, of_fake) < least).any()):
            words.append(f"intra_fid without {_named(skipped)}: fewer than {least} real or generated samples")
        if least < FEW:
            words.append(f"no class has {FEW} real and {FEW} generated samples: intra_fid tells little")
        return "; ".join(words)

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
        right, possible = told == asked, torch.isin(asked, labels.to(asked.device)) | by_classifier
        accuracies = {k: _share(right[asked == k]) for k in asked[possible].unique().tolist()}
        distances = self._distances(real, fake, labels, asked)
        found = {accuracy: _share(right[possible]), "intra_fid": sum(distances.values()) / len(distances)}
        if self.classes <= SPELT_OUT:
            found |= {f"{accuracy}.{k}": value for k, value in accuracies.items()}
            found |= {f"intra_fid.{k}": value for k, value in distances.items()}
        return check_finite(found, real.features, fake.features)

    def _distances(self, real: Sample, fake: Sample, labels: Tensor, asked: Tensor) -> dict[int, float]:
        """The Fréchet distance of each class that has `_least` samples of both kinds."""
        counts = torch.minimum(*self._counts())
        if int(counts.max()) < 2:
            raise TooFewSamplesError("no class has two real and two generated samples, so none has a distance")
        found = dict[int, float]()
        for k in (counts >= self._least()).nonzero()[:, 0].tolist():
            parts = (
                part.features[(own == k).to(part.features.device)] for part, own in ((real, labels), (fake, asked))
            )
            found[k] = frechet(*map(moments, parts))
        return found

    def _counts(self) -> tuple[Tensor, Tensor]:
        """How many real samples there are of each class, and how many that were asked for, ``[classes]`` each."""
        each = (own.long().cpu().bincount(minlength=self.classes) for own in (self.labels, self.asked))
        return next(each), next(each)

    def _least(self) -> int:
        """How many samples of both kinds a class needs for a distance."""
        return FEW if int(torch.minimum(*self._counts()).max()) >= FEW else 2

    def _classifies(self, real: Sample) -> bool:
        """Whether the features come with a classifier of these classes."""
        try:
            logits = real.logits
        except FeaturesError:
            return False
        return logits.shape[1] == self.classes and _share(logits.argmax(1).cpu() == self.labels.cpu()) > 0.5


def _named(classes: Tensor) -> str:
    """``class 3``, ``classes 3, 5`` of truth values ``[classes]``."""
    names = [str(k) for k in classes.nonzero()[:, 0].tolist()]
    return f"class{'es' if len(names) > 1 else ''} {first_names(names, SPELT_OUT)}"


def _share(right: Tensor) -> float:
    return float(right.double().mean())
