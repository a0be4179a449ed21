"""All divergences by name; `OF_DENSITIES` need both log densities, `OF_SAMPLES` need two samples."""

from nashpath.core.table import Table
from nashpath.metrics.divergences.f_divergences import JS, KL, ChiSquared, Hellinger, ReverseKL, TotalVariation
from nashpath.metrics.divergences.knn_kl import NeighbourKL
from nashpath.metrics.divergences.mmd import MMD
from nashpath.metrics.divergences.wasserstein import Wasserstein
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
    {"wasserstein": Wasserstein, "sliced_wasserstein": SlicedWasserstein, "mmd": MMD, "knn_kl": NeighbourKL},
)

DIVERGENCES = Table("divergence", {**OF_DENSITIES, **OF_SAMPLES})
