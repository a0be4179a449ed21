"""Samples from the middle of the latents' distribution."""

from torch import Tensor

from nashpath.core import Game, Positive, checks_arguments
from nashpath.core.typed import normal_quantile, normal_share
from nashpath.games.gan import LatentTruncation
from nashpath.games.techniques.around import gan_of


class TruncatedNormal(LatentTruncation):
    """Normal numbers as numbers of the normal distribution cut at ± threshold, in the same order."""

    def __init__(self, threshold: Positive):
        super().__init__(threshold=threshold)

    def forward(self, latent: Tensor) -> Tensor:
        below = normal_share(-self.threshold)
        share = below + (normal_share(self.threshold) - below) * normal_share(latent)
        return normal_quantile(share).clamp(-self.threshold, self.threshold)


@checks_arguments
def truncation(game: Game, threshold: Positive = 1.0) -> Game:
    """Truncation trick: samples (not batches) come from latents inside ± threshold, for quality at variety's cost.

    ::

        z ~ N(0, 1) given |z| ≤ threshold, each coordinate:   z = Φ⁻¹(Φ(−t) + (Φ(t) − Φ(−t)) Φ(z₀)),   z₀ ~ N(0, 1)

    The authors draw again until a coordinate is inside; this is the same distribution from the draws of plain samples,
    so that samples under two thresholds correspond. Training is untouched. A network trained on whole latents need not
    know what to do with few: the authors add orthogonal regularisation. Also ``nashpath sample RUN --truncation``.

    Raises `ValueError` for a game without samples, and for uniform latents, which have no middle.

    Reference: Brock et al. 2019 (BigGAN), Sec. 3.1; Marchesi 2017 for truncated latents.
    """
    gan = gan_of(game, "truncation")
    if gan.latent_distribution != "normal":
        raise ValueError("truncation cuts the tails of normal latents; uniform ones have none")
    gan.truncation = TruncatedNormal(threshold)
    return gan
