"""Consistency in the latents."""

from torch import Tensor

from nashpath.core import Game, NonNegative, checks_arguments
from nashpath.games.critics import CachedCritic
from nashpath.games.gan import GAN, SampleTerm
from nashpath.games.techniques.around import plain_gan_of

NAME = "zcr"


class LatentConsistency(SampleTerm):
    """The terms of zCR, from normal numbers of the shape of a latent."""

    def __init__(self, latent: int, discriminator: NonNegative, generator: NonNegative, deviation: NonNegative):
        super().__init__((latent,), discriminator=discriminator, generator=generator, deviation=deviation)

    def forward(self, player: str, game: GAN, critic: CachedCritic, latent: Tensor, fake: Tensor) -> Tensor:
        rows = self.rows(latent.shape[0])
        if rows is None:
            return fake.new_zeros(())
        moved = game.generator(game.moved(latent, self.deviation * rows.to(latent.dtype)))
        if player == "discriminator":
            gap = critic(fake) - critic.alike(fake)(moved)
            return self.discriminator * gap.reshape(len(gap), -1).square().sum(1).mean()
        return -self.generator * (fake - moved).square().flatten(1).mean()


@checks_arguments
def zcr(
    game: Game, discriminator: NonNegative = 5.0, generator: NonNegative = 0.5, deviation: NonNegative = 0.05
) -> Game:
    """Latent consistency, zCR: near latents get like logits from the critic, and unlike samples from the generator.

    ::

        J_D ← J_D + discriminator · E (d(G(z)) − d(G(z + δ)))²        δ ~ N(0, deviation²)
        J_G ← J_G − generator · E mean (G(z) − G(z + δ))²

    The second term keeps the generator from answering the first by ignoring z. With the penalty ``bcr`` it is ICR. A
    step costs one more pass of the generator, and of the critic in its own turn. In eval mode there is no term.

    Raises `ValueError` for a game without one generator and one critic of logits, and for one that has the term
    already.

    Reference: Zhao et al. 2021 (Improved Consistency Regularization for GANs), Algorithm 2.
    """
    gan = plain_gan_of(game, "zcr")
    if NAME in gan.sample_terms:
        raise ValueError("this game has zcr already")
    gan.sample_terms[NAME] = LatentConsistency(gan.latent, discriminator, generator, deviation)
    return gan
