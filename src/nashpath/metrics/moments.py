"""Mean and covariance of features, in the form that keeps the Fréchet distance exact and cheap.

With fewer samples than dimensions the centred samples are kept instead of a covariance that is only their square.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from nashpath.metrics.errors import ShapeError, validate_samples
from nashpath.metrics.scale import check_squares, restored, scaled

BLOCK = 8192


class Moments(NamedTuple):
    """``mean [d]`` and either ``covariance [d, d]`` or ``root [n, d]`` with covariance = rootᵀ root; float64."""

    mean: Tensor
    covariance: Tensor | None
    root: Tensor | None

    def as_dict(self) -> dict[str, Tensor]:
        """The tensors that there are, by name."""
        return {k: v for k, v in self._asdict().items() if v is not None}

    @property
    def trace(self) -> Tensor:
        """The total variance."""
        if self.root is not None:
            return self.root.square().sum()
        assert self.covariance is not None
        return self.covariance.trace()

    def divided(self, exponent: int) -> "Moments":
        """The moments of the features divided by ``2^exponent``."""
        covariance, root = self.covariance, self.root
        return Moments(
            scaled(self.mean, exponent),
            None if covariance is None else scaled(scaled(covariance, exponent), exponent),
            None if root is None else scaled(root, exponent),
        )


def moments(features: Tensor, name: str = "features") -> Moments:
    """Of ``features [n, d]``, with the unbiased covariance.

    Raises `TooFewSamplesError` (fewer than two), `MetricError` (their squares leave float64), and others.
    """
    x = validate_samples(features, name, least=2)
    check_squares(x, name)
    mean = x.double().mean(0)
    if len(x) <= x.shape[1]:
        return Moments(mean, None, (x.double() - mean) / (len(x) - 1) ** 0.5)
    covariance = torch.zeros(len(mean), len(mean), dtype=torch.double, device=x.device)
    for part in x.split(BLOCK):
        centred = part.double() - mean
        covariance.addmm_(centred.T, centred)
    return Moments(mean, covariance / (len(x) - 1), None)


def frechet(a: Moments, b: Moments) -> float:
    """``‖μ₁ - μ₂‖² + tr Σ₁ + tr Σ₂ - 2 tr (Σ₁Σ₂)^½``, the squared 2-Wasserstein distance of two Gaussians.

    The last trace is that of symmetric positive semidefinite matrices, so it needs no matrix square root, and it is
    real and finite whatever the ranks.
    """
    if a.mean.shape != b.mean.shape:
        raise ShapeError(f"features of {len(a.mean)} and {len(b.mean)} dimensions; use one extractor for both")
    exponent = math.frexp(max(float(m.mean.abs().max()) + float(m.trace.sqrt()) for m in (a, b)))[1]
    a, b = a.divided(exponent), b.divided(exponent)
    distance = (a.mean - b.mean).square().sum() + a.trace + b.trace - 2 * _overlap(a, b)
    return restored(max(0.0, float(distance)), exponent, "the Fréchet distance", power=2)


def _overlap(a: Moments, b: Moments) -> Tensor:
    """``tr (Σ₁Σ₂)^½``: with Σ = RᵀR each, the sum of the singular values of ``R₁ R₂ᵀ``."""
    if a.root is not None and b.root is not None:
        return torch.linalg.svdvals(a.root @ b.root.T).sum()
    if a.root is None and b.root is None:
        assert a.covariance is not None
        return _nuclear(_factor(a.covariance), b)
    return _nuclear(a.root, b) if a.root is not None else _nuclear(b.root, a)


def _nuclear(root: Tensor | None, other: Moments) -> Tensor:
    """The same from the eigenvalues of ``R Σ Rᵀ``, which are the squared singular values."""
    assert root is not None
    assert other.covariance is not None
    square = root @ other.covariance @ root.T
    values = torch.linalg.eigvalsh((square + square.T) / 2)
    noise = values.abs().max() * torch.finfo(values.dtype).eps * len(values)
    return torch.where(values > noise, values, 0.0).sqrt().sum()


def _factor(covariance: Tensor) -> Tensor:
    """A square ``R`` with ``RᵀR`` = covariance: Cholesky's, or from eigenvectors where that breaks down."""
    upper, failed = torch.linalg.cholesky_ex(covariance, upper=True)
    if not failed:
        return upper
    values, vectors = torch.linalg.eigh(covariance)
    return values.clamp(min=0).sqrt()[:, None] * vectors.T
