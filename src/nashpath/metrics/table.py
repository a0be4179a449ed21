"""All metrics by name."""

from nashpath.core.table import Table
from nashpath.metrics.authenticity import Authenticity
from nashpath.metrics.base import Metric
from nashpath.metrics.closest_record import ClosestRecord
from nashpath.metrics.columns import Correlations, Marginals
from nashpath.metrics.density_coverage import DensityCoverage
from nashpath.metrics.divergences.mmd import MaximumMeanDiscrepancy
from nashpath.metrics.divergences.wasserstein import WassersteinDistance
from nashpath.metrics.fid import FID
from nashpath.metrics.fid_infinity import FIDInfinity
from nashpath.metrics.inception_score import InceptionScore
from nashpath.metrics.kid import KID
from nashpath.metrics.label_metrics import Classes, Memorisation, Modes, StackedModes
from nashpath.metrics.ms_ssim import MSSSIM
from nashpath.metrics.per_class import PerClass
from nashpath.metrics.precision_recall import PrecisionRecall
from nashpath.metrics.rarity import RarityScore
from nashpath.metrics.sliced import SlicedWasserstein

METRICS = Table(
    "metric",
    {
        "fid": FID,
        "kid": KID,
        "inception_score": InceptionScore,
        "precision_recall": PrecisionRecall,
        "density_coverage": DensityCoverage,
        "ms_ssim": MSSSIM,
        "fid_infinity": FIDInfinity,
        "sliced_wasserstein": SlicedWasserstein,
        "wasserstein": WassersteinDistance,
        "mmd": MaximumMeanDiscrepancy,
        "modes": Modes,
        "classes": Classes,
        "per_class": PerClass,
        "stacked_modes": StackedModes,
        "memorisation": Memorisation,
        "authenticity": Authenticity,
        "rarity": RarityScore,
        "marginals": Marginals,
        "correlations": Correlations,
        "closest_record": ClosestRecord,
    },
    Metric,
)

GROUPS = {"prdc": ("precision_recall", "density_coverage")}
"""Names for several metrics at once."""
