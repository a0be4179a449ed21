"""Techniques that turn a game into a game. One file a technique; others are objectives, layers, or games themselves."""

from nashpath.core import Game, Table
from nashpath.games.techniques.adaptive_augment import AdaptiveAugment, ada
from nashpath.games.techniques.around import AroundCritic
from nashpath.games.techniques.diff_augment import DiffAugment, diff_augment
from nashpath.games.techniques.gradient_normalisation import GradientNormalised, gradient_normalisation
from nashpath.games.techniques.historical_averaging import HistoricalAveraging, historical_averaging
from nashpath.games.techniques.instance_noise import InstanceNoise, instance_noise
from nashpath.games.techniques.latent_optimisation import LatentOptimisation, latent_optimisation
from nashpath.games.techniques.none import no_technique
from nashpath.games.techniques.spectral_regularisation import SpectralRegularisation, spectral_regularisation
from nashpath.games.techniques.top_k import TopK, top_k
from nashpath.games.techniques.truncation import TruncatedNormal, truncation
from nashpath.games.techniques.zcr import LatentConsistency, zcr

TECHNIQUES = Table(
    "technique",
    {
        "none": no_technique,
        "historical_averaging": historical_averaging,
        "instance_noise": instance_noise,
        "diff_augment": diff_augment,
        "ada": ada,
        "gradient_normalisation": gradient_normalisation,
        "spectral_regularisation": spectral_regularisation,
        "zcr": zcr,
        "top_k": top_k,
        "latent_optimisation": latent_optimisation,
        "truncation": truncation,
    },
    takes=("game",),
    makes=Game,
    gives="a function from a game to a game with the same players",
)

__all__ = [
    "TECHNIQUES",
    "AdaptiveAugment",
    "AroundCritic",
    "DiffAugment",
    "GradientNormalised",
    "HistoricalAveraging",
    "InstanceNoise",
    "LatentConsistency",
    "LatentOptimisation",
    "SpectralRegularisation",
    "TopK",
    "TruncatedNormal",
    "ada",
    "diff_augment",
    "gradient_normalisation",
    "historical_averaging",
    "instance_noise",
    "latent_optimisation",
    "no_technique",
    "spectral_regularisation",
    "top_k",
    "truncation",
    "zcr",
]
