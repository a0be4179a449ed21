"""Samples against the real samples nearest to them: which classes they cover, and whether they are copies."""

import torch
from torch import Tensor

from nashpath.core.math.distances import middle, nearest_neighbours
from nashpath.metrics.distinct import distinct
from nashpath.metrics.errors import ShapeError, validate_labels, validate_pair, validate_samples
from nashpath.metrics.modes import class_shares, coverage
from nashpath.metrics.scale import check_finite, check_spread, in_units, restored, scaled


def classes(samples: Tensor, examples: Tensor, labels: Tensor, count: int) -> dict[str, float]:
    """Classes covered by samples, each labelled as the real example nearest to it.

    ``samples [n, ...]``, ``examples [m, ...]`` with ``labels [m]`` in 0..count-1; distance is Euclidean on the
    samples as they are. With the shares p of classes among the samples, and q among ``labels``: ``classes`` is the
    number of those with ``p > min(1 %, q / 4)``, ``class_kl`` the KL divergence ``Σ p log(p / q)`` in nats.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`.

    Reference: Srivastava et al. 2017, "VEEGAN", section 4.2 (a classifier's labels; nearest neighbours here).
    """
    known = validate_labels(labels, len(examples), count)
    found = nearest_labels(samples, examples, known)
    covered, kl = coverage(found, count, len(found), class_shares(known, count))
    return {"classes": covered, "class_kl": kl}


def nearest_labels(samples: Tensor, examples: Tensor, labels: Tensor) -> Tensor:
    """The label of the example nearest to each sample, ``[n]``."""
    (x, known), _ = in_units(*validate_pair(samples, examples, ("samples", "examples")))
    check_spread([x, known], middle(known))
    return labels.to(x.device)[nearest_neighbours(x, known)[1][:, 0]]


def stacked_modes(samples: Tensor, digits: Tensor, labels: Tensor, count: int = 10) -> dict[str, float]:
    """Number of the 1,000 modes of stacked digits occur: three channels, a digit in each.

    ``samples [n, channels, h, w]``; ``digits [m, 1, h, w]`` and ``labels [m]`` are single real digits. Each channel
    has the label of its nearest digit; together they name one of count**channels modes. ``stacked_modes``: modes that
    occur at least once (so it depends on n; the usual n is 26,000); ``stacked_kl``: KL divergence in nats of the
    histogram over modes from the uniform one, as published (the digits being nearly even).

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`.

    Reference: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks", section 3.3.1.
    """
    if samples.dim() != 4 or digits.dim() != 4 or digits.shape[1] != 1:
        raise ShapeError(
            f"stacked digits are [n, channels, h, w] and single ones [m, 1, h, w]; got {tuple(samples.shape)} and "
            f"{tuple(digits.shape)}"
        )
    known = validate_labels(labels, len(digits), count, "digit_labels", "digits")
    digit = nearest_labels(samples.flatten(0, 1).unsqueeze(1), digits, known).view(len(samples), -1)
    return combinations(digit, count)


def combinations(digit: Tensor, count: int) -> dict[str, float]:
    """``{"stacked_modes", "stacked_kl"}`` of samples by the digits of their channels, ``digit [n, channels]``."""
    channels = digit.shape[1]
    number = (digit * count ** torch.arange(channels - 1, -1, -1, device=digit.device)).sum(1)
    _, kl = coverage(number, count**channels, len(number))
    return {"stacked_modes": float(len(number.unique())), "stacked_kl": kl}


def memorisation(samples: Tensor, examples: Tensor) -> dict[str, float]:
    """Distances of samples to the training examples, relative to those among the examples.

    ``nearest``: mean Euclidean distance of a sample to its nearest example; ``nearest_real``: the same for an example
    and its nearest *other* example; ``copies``: share of samples whose nearest example is less than a third as far as
    the second nearest. Examples that are equal count once (`distinct`). A copy that differs from its example by more
    than a third of what that differs from a near duplicate of its own is not found.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError` (fewer than two examples).

    Reference: Yoon, Choi, Kwon & Ryu 2023, "Diffusion Probabilistic Models Generalize when They Fail to Memorize" (the
    ratio 1/3).
    """
    validate_samples(examples, "examples", least=2)
    known = examples[distinct(examples).kept]
    return memorised(samples, known, distances_among(known))


def memorised(samples: Tensor, examples: Tensor, among: Tensor) -> dict[str, float]:
    """`memorisation` of distinct examples; ``among`` is `distances_among` them."""
    pair = validate_pair(samples, validate_samples(examples, "examples", least=2), ("samples", "examples"))
    (x, known), exponent = in_units(*pair)
    check_spread([x, known], middle(known))
    distance, _ = nearest_neighbours(x, known, count=2)
    copies = distance[:, 0] < distance[:, 1] / 3
    found = {
        "nearest": restored(float(distance[:, 0].mean()), exponent, "the distance to the nearest example"),
        "nearest_real": float(among.mean()),
        "copies": float(copies.double().mean()),
    }
    return check_finite(found, *pair)


def distances_among(examples: Tensor) -> Tensor:
    """The distance of each example to its nearest other one, ``[n]``; needs two."""
    (known,), exponent = in_units(validate_samples(examples, "examples", least=2))
    check_spread([known], middle(known))
    return scaled(nearest_neighbours(known, known, count=2)[0][:, 1], -exponent)
