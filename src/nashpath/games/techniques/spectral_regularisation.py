"""A price on the largest singular values of the discriminator's weights."""

import torch
from torch import Tensor, nn

from nashpath.core import Game, NonNegative, Term, checks_arguments
from nashpath.core.math.spectral import WEIGHTED, leading_vector, power_step, weight_matrix
from nashpath.core.typed import named_modules
from nashpath.games.techniques.around import bare_names, layer_at

NAME = "spectral_regularisation"


class SpectralRegularisation(Term):
    """The term of spectral regularisation. State: a singular vector for each layer, renewed before the turn."""

    def __init__(self, module: nn.Module, weight: NonNegative):
        super().__init__(weight=weight)
        self.layers = tuple(bare_names(module, WEIGHTED))
        for index, name in enumerate(self.layers):
            matrix = weight_matrix(layer_at(module, name)).detach()
            self.register_buffer(f"u{index}", leading_vector(matrix))

    def advance(self, player: str, module: nn.Module) -> None:
        if player == "discriminator":
            for index, name in enumerate(self.layers):
                matrix = weight_matrix(layer_at(module, name)).detach()
                setattr(self, f"u{index}", power_step(matrix, getattr(self, f"u{index}")))

    def forward(self, player: str, module: nn.Module) -> Tensor:
        if player != "discriminator":
            return torch.zeros_like(self.weight)
        squares = [
            (weight_matrix(layer_at(module, name)).mT @ getattr(self, f"u{index}")).square().sum()
            for index, name in enumerate(self.layers)
        ]
        return 0.5 * self.weight * torch.stack(squares).sum()


@checks_arguments
def spectral_regularisation(game: Game, weight: NonNegative = 0.01) -> Game:
    """Spectral regularisation: the discriminator pays for the squared spectral norm of every layer's weight.

    ::

        J_D ← J_D + ½ weight · Σ_l σ(W_l)²,   σ(W) = ‖Wᵀu‖ with u by one power iteration a turn

    over its linear and convolutional layers; W has a row for each output. The gradient ``weight · σ u vᵀ`` shrinks the
    largest singular value alone, where weight decay shrinks all. u is state, exact at the start. The spectral norm of a
    layer (``discriminator.norm=spectral``) fixes σ instead.

    The term is added to ``game.terms`` in place. Raises `ValueError` for a discriminator without such layers, or a game
    that has the term already.

    Reference: Yoshida and Miyato 2017 (Spectral Norm Regularization), Eq. 3 and Algorithm 1.
    """
    if NAME in game.terms:
        raise ValueError("this game has spectral_regularisation already")
    own = game.get_submodule("discriminator")
    if not any(isinstance(layer, WEIGHTED) for _, layer in named_modules(own)):
        raise ValueError(
            f"spectral_regularisation prices linear and convolutional layers; the discriminator ({type(own).__name__}) "
            "has none"
        )
    game.terms[NAME] = SpectralRegularisation(own, weight)
    return game
