"""Rows of a table against real rows: each column alone, and two by two."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from nashpath.core import Key
from nashpath.core.columns import Category, TableUnits
from nashpath.core.source import HasExamples, HasUnits, Source
from nashpath.metrics.base import GLANCED, GLANCED_AGAINST, Metric, Sample
from nashpath.metrics.errors import validate_pair
from nashpath.metrics.scale import in_units


def table_of(source: Source) -> TableUnits | None:
    """The columns of the data, where they are a table whose columns are of their own kinds."""
    units = source.units if isinstance(source, HasUnits) else None
    return units if isinstance(units, TableUnits) else None


def marginal_gaps(real: Tensor, fake: Tensor, columns: TableUnits | None = None) -> Tensor:
    """How far each column is from the real one, from 0 to 1, in their order: ``real [n, d]``, ``fake [m, d]``.

    Of numbers ``max_v |F_real(v) − F_fake(v)|`` (Kolmogorov and Smirnov), of categories
    ``½ Σ_k |p_real(k) − p_fake(k)|``. ``columns`` are those of a table, whose numbers are compared as its file holds
    them (where scores of ranks or whole numbers have ties), a missing one as below all; without any, each of the d is
    one of numbers.
    """
    x, y = validate_pair(real, fake)
    if columns is None:
        return torch.stack([_largest_difference(x[:, k], y[:, k]) for k in range(x.shape[1])])
    gaps, begin = list[Tensor](), 0
    for column in columns.columns:
        parts = [rows[:, begin : begin + column.width].double() for rows in (x, y)]
        begin += column.width
        if isinstance(column, Category):
            gaps.append((parts[0].mean(0) - parts[1].mean(0)).abs().sum() / 2)
        else:
            values = [column.decode(part) for part in parts]
            gaps.append(_largest_difference(*(torch.where(v.isnan(), -torch.inf, v) for v in values)))
    return torch.stack(gaps)


def _largest_difference(x: Tensor, y: Tensor) -> Tensor:
    """``max_v |F_x(v) − F_y(v)|`` of the empirical distributions of two columns ``[n]`` and ``[m]``."""
    a, b = x.contiguous().sort().values, y.contiguous().sort().values
    seen = torch.cat([a, b])
    below = [torch.searchsorted(part, seen, right=True).double() / len(part) for part in (a, b)]
    return (below[0] - below[1]).abs().max()


class TableMetric(Metric):
    """Base of the metrics that are standard for tables, and cheap enough to be looked at through training."""

    @classmethod
    def of(cls, columns: TableUnits) -> "TableMetric":
        """The metric of these columns."""
        raise NotImplementedError

    @classmethod
    def is_standard(cls, source: Source) -> bool:
        return table_of(source) is not None

    @classmethod
    def glance(cls, fake: Tensor, source: Source, key: Key) -> dict[str, float]:
        columns = table_of(source)
        if columns is None or not isinstance(source, HasExamples):
            return {}
        return cls.of(columns)(source.examples(GLANCED_AGAINST).to(fake.device), fake[:GLANCED])


class Marginals(TableMetric):
    """How far the columns are from the real ones, each alone: the mean over columns, and the worst.

    See `marginal_gaps`. ``columns`` are the data's, None where each number of a vector is one.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError`.

    Reference: Massey 1951, "The Kolmogorov-Smirnov Test for Goodness of Fit"; the table metrics of Patki, Wedge &
    Veeramachaneni 2016, "The Synthetic Data Vault" (one minus these distances).
    """

    bias: ClassVar[str] = "biased upward, more so with fewer samples"
    better: ClassVar[Mapping[str, int]] = {"marginal_gap": -1, "marginal_worst": -1}
    signed = False
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"marginal_gap": (0.0, 1.0), "marginal_worst": (0.0, 1.0)}
    numbers: ClassVar[Mapping[str, str]] = {
        "marginal_gap": "distance of a column's distribution from the real one, from 0 to 1, mean over columns",
        "marginal_worst": "the same of the column where it is largest",
    }

    @classmethod
    def of(cls, columns: TableUnits) -> "Marginals":
        return cls(columns)

    def __init__(self, columns: TableUnits | None):
        self.columns = columns

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"marginal_gap", "marginal_worst"}``."""
        gaps = marginal_gaps(real.values, fake.values, self.columns)
        return {"marginal_gap": float(gaps.mean()), "marginal_worst": float(gaps.max())}


def correlations(x: Tensor) -> Tensor:
    """Pearson's correlations of the columns of ``x [n, d]``, ``[d, d]``; 0 beside a constant column."""
    (rows,), _ = in_units(x)
    away = rows.double() - rows.double().mean(0)
    constant = rows.amax(0) == rows.amin(0)
    away[:, constant] = 0.0
    unit = away / away.abs().amax(0).clamp(min=torch.finfo(torch.double).tiny)
    unit = unit / unit.square().sum(0).sqrt().clamp(min=torch.finfo(torch.double).tiny)
    return unit.mT @ unit


class Correlations(TableMetric):
    """How far the correlations between columns are from the real ones: the mean over all pairs, and the worst.

    ``mean over i < j of |ρ_real(i, j) − ρ_fake(i, j)|`` with Pearson's correlations of the numbers that networks see,
    one-hot ones included; a column that is constant has the correlation 0 with all others.

    Raises `NotFiniteError`, `ShapeError`, `TooFewSamplesError` (fewer than two).

    Reference: Zhao, Kunar, Birke & Chen 2021, "CTAB-GAN: Effective Table Data Synthesizing" (differences of
    correlations).
    """

    bias: ClassVar[str] = "biased upward, more so with fewer samples"
    better: ClassVar[Mapping[str, int]] = {"correlation_gap": -1, "correlation_worst": -1}
    signed = False
    bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "correlation_gap": (0.0, 2.0),
        "correlation_worst": (0.0, 2.0),
    }
    least = 2
    numbers: ClassVar[Mapping[str, str]] = {
        "correlation_gap": "difference of the correlation of two columns from the real one, mean over pairs",
        "correlation_worst": "the same of the pair where it is largest",
    }

    @classmethod
    def of(cls, columns: TableUnits) -> "Correlations":
        return cls()

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"correlation_gap", "correlation_worst"}``."""
        x, y = validate_pair(real.values, fake.values, least=self.least)
        gap = (correlations(x) - correlations(y)).abs()
        pairs = gap[torch.triu(torch.ones_like(gap), 1) > 0]
        if not len(pairs):
            return {"correlation_gap": 0.0, "correlation_worst": 0.0}
        return {"correlation_gap": float(pairs.mean()), "correlation_worst": float(pairs.max())}
