"""All divergences by name, and several at once: `OF_DENSITIES` need both log densities, `OF_SAMPLES` two samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nashpath.core.rng import generator
from nashpath.core.shapes import LogDensity
from nashpath.core.table import Table
from nashpath.metrics.base import Sample
from nashpath.metrics.divergences.base import Estimate
from nashpath.metrics.divergences.f_divergences import JS, KL, ChiSquared, Hellinger, ReverseKL, TotalVariation
from nashpath.metrics.divergences.knn_kl import NeighbourKL
from nashpath.metrics.divergences.mmd import MaximumMeanDiscrepancy
from nashpath.metrics.divergences.quadrature import integrate
from nashpath.metrics.divergences.wasserstein import WassersteinDistance
from nashpath.metrics.errors import ShapeError, validate_samples
from nashpath.metrics.sliced import SlicedWasserstein

OF_DENSITIES = Table(
    "divergence of densities",
    {
        "kl": KL,
        "reverse_kl": ReverseKL,
        "js": JS,
        "total_variation": TotalVariation,
        "chi2": ChiSquared,
        "hellinger": Hellinger,
    },
)

OF_SAMPLES = Table(
    "divergence of samples",
    {
        "wasserstein": WassersteinDistance,
        "sliced_wasserstein": SlicedWasserstein,
        "mmd": MaximumMeanDiscrepancy,
        "knn_kl": NeighbourKL,
    },
)

DIVERGENCES = Table("divergence", {**OF_DENSITIES, **OF_SAMPLES})


def from_densities(
    log_p: LogDensity, log_q: LogDensity, at_p: Tensor, at_q: Tensor, names: Sequence[str] = tuple(OF_DENSITIES)
) -> dict[str, Estimate]:
    """Monte-Carlo estimates with standard errors, from both log densities and independent samples of both.

    ``at_p [n, ...]`` are samples of p (the data), ``at_q [m, ...]`` of q (the model); ``log_p`` and ``log_q`` map such
    tensors to [n]. ``from_densities(...)["js"].value``. For any one, from log-ratios: ``JS()(at_p, at_q)``.

    Raises `KeyError` for an unknown name, and `ShapeError`, `NotFiniteError`, `TooFewSamplesError`.
    """
    ratios = [_log_ratio(log_p, log_q, x, name) for x, name in ((at_p, "at_p"), (at_q, "at_q"))]
    return {name: OF_DENSITIES[name]()(*ratios) for name in names}


def by_quadrature(
    log_p: LogDensity,
    log_q: LogDensity,
    box: Sequence[tuple[float, float]],
    resolution: int = 1000,
    names: Sequence[str] = tuple(OF_DENSITIES),
    tolerance: float = 1e-3,
) -> dict[str, float]:
    """The same divergences without samples: by the midpoint rule on a grid over ``box``, in one or two dimensions.

    ``box`` is (lower, upper) for each dimension, ``resolution`` the number of cells a side. As
    `nashpath.metrics.divergences.quadrature.integrate`, by name.
    """
    return integrate({name: OF_DENSITIES[name]() for name in names}, log_p, log_q, box, resolution, tolerance)


def from_samples(
    real: Tensor,
    fake: Tensor,
    names: Sequence[str] = tuple(OF_SAMPLES),
    rng: torch.Generator | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, float]:
    """Divergences from samples alone, ``real [n, ...]`` and ``fake [m, ...]``, each with its own numbers by name.

    ``settings`` are constructor arguments by divergence (``{"wasserstein": {"power": 2}}``); ``rng`` (seeded with 0 by
    default) draws the directions of `sliced_wasserstein`. Raises `KeyError` for an unknown name, and `MetricError`.
    """
    rng = generator(0) if rng is None else rng
    x, y = Sample(real), Sample(fake)
    found: dict[str, float] = {}
    for name in names:
        found |= OF_SAMPLES[name](**(settings or {}).get(name, {})).compute(x, y, rng)
    return found


@torch.no_grad()
def _log_ratio(log_p: LogDensity, log_q: LogDensity, samples: Tensor, name: str) -> Tensor:
    validate_samples(samples, name)
    logs = [log(samples).double() for log in (log_p, log_q)]
    for log, which in zip(logs, ("log_p", "log_q")):
        if log.shape != samples.shape[:1]:
            raise ShapeError(
                f"{which} of {name} {tuple(samples.shape)} has shape {tuple(log.shape)}; give one a sample"
            )
    return logs[0] - logs[1]
