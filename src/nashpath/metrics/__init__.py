"""Metrics of samples: functions of tensors, never of a game. Errors are a `MetricError` with a remedy.

`evaluate_samples` measures by name and hands back each number with its protocol; a metric called by itself
(``FID()(real, fake)``) measures features as they are.
"""

from nashpath.metrics.authenticity import Authenticity
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.closest_record import ClosestRecord
from nashpath.metrics.columns import Correlations, Marginals, correlations, marginal_gaps
from nashpath.metrics.density_coverage import DensityCoverage
from nashpath.metrics.divergences import (
    DIVERGENCES,
    Estimate,
    MaximumMeanDiscrepancy,
    WassersteinDistance,
    by_quadrature,
    exact_wasserstein,
    from_densities,
    from_samples,
)
from nashpath.metrics.errors import (
    FeaturesError,
    MetricError,
    NotFiniteError,
    ProtocolError,
    ShapeError,
    TooFewSamplesError,
    TooManySamplesError,
)
from nashpath.metrics.evaluate import class_of, evaluate_samples, metric_and_features, metric_names, real_sample
from nashpath.metrics.features import FEATURES, Extractor, as_extractor, download_inception
from nashpath.metrics.fid import FID
from nashpath.metrics.fid_infinity import FIDInfinity
from nashpath.metrics.inception_score import InceptionScore
from nashpath.metrics.kid import KID
from nashpath.metrics.label_metrics import Classes, Memorisation, Modes, StackedModes, facts_of
from nashpath.metrics.modes import modes
from nashpath.metrics.moments import frechet, moments
from nashpath.metrics.ms_ssim import MSSSIM
from nashpath.metrics.nearest import classes, memorisation, nearest_labels, stacked_modes
from nashpath.metrics.per_class import PerClass, class_accuracy
from nashpath.metrics.precision_recall import PrecisionRecall
from nashpath.metrics.protocol import Measurement, Protocol
from nashpath.metrics.rarity import RarityScore
from nashpath.metrics.sliced import SlicedWasserstein, sliced_wasserstein
from nashpath.metrics.table import GROUPS, METRICS

__all__ = [
    "DIVERGENCES",
    "FEATURES",
    "FID",
    "GROUPS",
    "KID",
    "METRICS",
    "MSSSIM",
    "Authenticity",
    "Classes",
    "ClosestRecord",
    "Correlations",
    "DensityCoverage",
    "Estimate",
    "Extractor",
    "FIDInfinity",
    "FeaturesError",
    "InceptionScore",
    "Marginals",
    "MaximumMeanDiscrepancy",
    "Measurement",
    "Memorisation",
    "Metric",
    "MetricError",
    "Modes",
    "NotFiniteError",
    "PerClass",
    "PrecisionRecall",
    "Protocol",
    "ProtocolError",
    "RarityScore",
    "Sample",
    "ShapeError",
    "SlicedWasserstein",
    "StackedModes",
    "TooFewSamplesError",
    "TooManySamplesError",
    "WassersteinDistance",
    "as_extractor",
    "by_quadrature",
    "class_accuracy",
    "class_of",
    "classes",
    "correlations",
    "download_inception",
    "evaluate_samples",
    "exact_wasserstein",
    "facts_of",
    "frechet",
    "from_densities",
    "from_samples",
    "marginal_gaps",
    "memorisation",
    "metric_and_features",
    "metric_names",
    "modes",
    "moments",
    "nearest_labels",
    "real_sample",
    "sliced_wasserstein",
    "stacked_modes",
]
