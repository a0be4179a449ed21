"""A critic that is divided by its own slope."""

import torch
from torch import Tensor, nn

from nashpath.core import Game, checks_arguments
from nashpath.core.math.derivatives import derivative_and_value
from nashpath.games.critics import mixing_layer
from nashpath.games.penalties.base import norms
from nashpath.games.techniques.around import AroundCritic, check_single_logits, gan_of, wrap_critics


class GradientNormalised(AroundCritic):
    """The critic ``d / (‖∇d‖ + |d|)``, 0 where both are; shapes are those of the network."""

    def forward(self, x: Tensor) -> Tensor:
        slope, logit = derivative_and_value(self.network, x)
        size = norms(slope).reshape(logit.shape) + logit.abs()
        none = size == 0
        return torch.where(none, torch.zeros_like(logit), logit / torch.where(none, torch.ones_like(size), size))


@checks_arguments
def gradient_normalisation(game: Game) -> Game:
    """Gradient normalisation, GN-GAN: the critic is divided by the norm of its slope plus its own magnitude.

    ::

        d̂(x) = d(x) / (‖∇d(x)‖ + |d(x)|),   |d̂| ≤ 1

    Where the critic is linear on pieces (ReLU), ``‖∇d̂‖ = (‖∇d‖ / (‖∇d‖ + |d|))² ≤ 1``: a Lipschitz bound of 1 without a
    constraint on any layer. It costs one more backward pass for every look. The authors play it with the hinge or the
    non-saturating objective; a gradient penalty beside it is allowed, and bounds again what is bounded.

    Raises `ValueError` for a game without samples, for a critic that normalises over the batch, gives no single logits,
    or gives class outputs besides (``game=conditional`` with ``acgan`` or ``adcgan``).

    Reference: Wu et al. 2021 (Gradient Normalization for GANs), Eq. 9 and Theorem 4; basiclab/GNGAN-PyTorch.
    """
    gan = gan_of(game, "gradient_normalisation")
    check_single_logits(gan, "gradient_normalisation")
    if gan.prices_classes:
        raise ValueError(
            "gradient_normalisation divides one logit by its slope, and this head's class outputs have others: use "
            "game.head=projection"
        )
    mixing = mixing_layer(gan.discriminator)
    if mixing is not None:
        raise ValueError(
            f"discriminator.{mixing} normalises over the batch, so ∇d of one sample depends on the others and there is "
            "nothing to divide by; use layer or spectral normalisation"
        )

    def normalised(network: nn.Module) -> nn.Module:
        return GradientNormalised(network)

    return wrap_critics(gan, normalised)
