"""The generator matches statistics of the discriminator's features instead of fooling it."""

from typing import Literal

from torch import Tensor

from nashpath.core import Table
from nashpath.games.critics import activations
from nashpath.games.objectives.base import Critic, Objective
from nashpath.games.objectives.non_saturating import NonSaturating

_Norm = Literal["squared", "mean_squared", "absolute"]


def squared(gap: Tensor) -> Tensor:
    """``‖gap‖₂²``: the paper's text."""
    return gap.square().sum()


def mean_squared(gap: Tensor) -> Tensor:
    """``‖gap‖₂² / features``: the released code for MNIST."""
    return gap.square().mean()


def absolute(gap: Tensor) -> Tensor:
    """``‖gap‖₁ / features``: the released code for CIFAR-10 and SVHN."""
    return gap.abs().mean()


_NORMS = Table("norm of feature matching", {f.__name__: f for f in (squared, mean_squared, absolute)})


class FeatureMatching(Objective):
    """Feature matching: the generator matches the batch means of the discriminator's features at one layer.

    ::

        J_D = that of the wrapped objective        J_G = ‖E_p f(x) − E_q f(x)‖₂²

    where ``f`` are the activations at ``layer``, by default the last hidden ones. The text has the squared 2-norm
    (``norm="squared"``); the released code has the mean of squares on MNIST (``"mean_squared"``) and the mean
    absolute difference on CIFAR-10 and SVHN (``"absolute"``). Noise layers of the discriminator are active.

    ``objective`` is any other objective, non-saturating by default. Alone on tensors, `generator` takes *features*
    [batch, ...], not logits. Raises ValueError where the discriminator has no such layer (the message lists them).

    Reference: Salimans et al. 2016, Sec. 3.1; openai/improved_gan ``mnist_svhn_cifar10/train_*_feature_matching.py``.
    """

    compares = batchwise = matches_features = True

    def __init__(self, layer: str = "features", norm: _Norm = "squared", objective: Objective | None = None):
        super().__init__()
        self.objective = objective if objective is not None else NonSaturating()
        self.layer, self.norm, self.joint = layer, norm, self.objective.joint
        self.undecided = self.objective.undecided
        self.needs_input_gradient = self.objective.needs_input_gradient
        self._distance = _NORMS[norm]

    def check(self, critic: Critic, samples: Tensor) -> None:
        super().check(critic, samples)
        activations(critic, samples, self.layer)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.objective.discriminator(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        if real is None:
            raise ValueError("feature matching compares: give the features of real samples too")
        return self._distance(real.mean(0) - fake.mean(0))

    def witness(self, critic: Critic, real: Tensor, fake: Tensor) -> Critic:
        return self.objective.witness(critic, real, fake)

    def forward(self, player: str, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        if player == "discriminator":
            return self.objective(player, critic, real, fake)
        return self.generator(activations(critic, fake, self.layer), activations(critic, real, self.layer))
