"""Latents take a step uphill on the critic before anybody looks."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call

from nashpath.core import Fraction, Game, Hyperparameters, NonNegative, Positive, checks_arguments
from nashpath.core.math.derivatives import derivative
from nashpath.games.gan import GAN, LatentStep
from nashpath.games.techniques.around import check_single_logits, plain_gan_of

Step = Literal["natural", "gradient"]


class LatentOptimisation(LatentStep):
    """The step of LOGAN; its numbers are in ``numbers``."""

    def __init__(self, step: Step, rate: NonNegative, damping: Positive, fraction: Fraction, weight: NonNegative):
        super().__init__()
        self.step = step
        self.numbers = Hyperparameters(rate=rate, damping=damping, fraction=fraction, weight=weight)

    def extra_repr(self) -> str:
        return f"step={self.step!r}"

    def forward(self, game: GAN, latent: Tensor) -> tuple[Tensor, Tensor]:
        def asked(network: "nn.Module", x: "Tensor") -> "Tensor":
            # With copies of its state: what the look changes (running statistics) must not leave the derivative.
            return functional_call(network, {k: v.clone() for k, v in network.named_buffers()}, (x,))

        def value(z: "Tensor") -> "Tensor":
            return asked(game.discriminator, asked(game.generator, z))

        slope = derivative(value, latent)[:, : game.latent]
        move = self.numbers.rate * slope
        if self.step == "natural":
            move = move / (self.numbers.damping + slope.square().sum(1, keepdim=True))
        place = (torch.arange(len(latent), device=latent.device) + 0.5) / len(latent)
        move = torch.where((place < self.numbers.fraction)[:, None], move, torch.zeros_like(move))
        moved = game.moved(latent, move)
        if game.latent_distribution == "uniform":
            moved = moved.clamp(-1, 1)
        return moved, self.numbers.weight * move.square().sum(1).mean()


@checks_arguments
def latent_optimisation(
    game: Game,
    step: Step = "natural",
    rate: NonNegative = 0.9,
    damping: Positive = 5.0,
    fraction: Fraction = 0.8,
    weight: NonNegative = 0.1,
) -> Game:
    """Latent optimisation, LOGAN: before each look latents take a step that raises the critic's logit of their sample.

    ::

        z' = z + Δz,   g = ∂d(G(z))/∂z
        gradient:  Δz = rate · g          natural:  Δz = rate · (g gᵀ + damping I)⁻¹ g = rate · g / (damping + ‖g‖²)

        both players' costs are those of G(z'), differentiated through Δz, plus weight · E ‖Δz‖²

    of the first ``fraction`` of the batch (latents are alike, so it is as good as any); uniform latents are held in
    [−1, 1]. Through Δz each player sees the other's reaction: on a bilinear GAN the critic's own rotation is damped,
    and descent that circles arrives. Sampling takes no step. A step costs one more pass and backward pass of both
    networks in every turn. The defaults of damping, fraction and weight are ours.

    Raises `ValueError` for a game without one generator and one critic of logits, and for one that has the step
    already.

    Reference: Wu et al. 2019 (LOGAN, arXiv 1912.00953), Sec. 3; Wu et al. 2019 (Deep Compressed Sensing) for the
    gradient step.
    """
    gan = plain_gan_of(game, "latent_optimisation")
    check_single_logits(gan, "latent_optimisation")
    if gan.latent_step is not None:
        raise ValueError("latent_optimisation: this game moves its latents already")
    gan.latent_step = LatentOptimisation(step, rate, damping, fraction, weight)
    return gan
