"""A critic of samples against the average of the other kind."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn.functional import relu, softplus

from nashpath.games.objectives.base import Objective

Loss = Literal["standard", "least_squares", "hinge"]

_ABOVE: dict[str, Callable[[Tensor], Tensor]] = {
    "standard": lambda gap: softplus(-gap),
    "least_squares": lambda gap: (gap - 1).square(),
    "hinge": lambda gap: relu(1 - gap),
}
"""The price of a gap that should be large; of one that should be small, that of its negative."""


class RelativisticAverage(Objective):
    """Relativistic average GAN: D ranks each real sample above the average generated one, and the other way round.

    ::

        J_D = E_p ℓ(d(x) − E_q d) + E_q ℓ(E_p d − d(x̃))        J_G = E_q ℓ(d(x̃) − E_p d) + E_p ℓ(E_q d − d(x))

        loss             ℓ(t)             name in the paper
        standard         softplus(−t)     RaSGAN
        least_squares    (t − 1)²         RaLSGAN
        hinge            max(0, 1 − t)    RaHingeGAN

    The means of the batch stand for the expectations; gradients pass through them, and through real logits in J_G.
    Adding a constant to d changes nothing. The released code takes half of each cost. For pairs see `Relativistic`.
    Raises `ValueError` for the generator's cost without logits of real samples.

    Reference: Jolicoeur-Martineau 2019, Sec. 4 and Algorithm 2; AlexiaJM/RelativisticGAN
    ``code/GAN_losses_iter.py``.
    """

    compares = batchwise = True
    undecided = None

    def __init__(self, loss: Loss = "standard"):
        super().__init__()
        self.loss = loss

    def extra_repr(self) -> str:
        return f"loss={self.loss}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        above = _ABOVE[self.loss]
        return above(real - fake.mean()).mean() + above(real.mean() - fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        if real is None:
            raise ValueError("the relativistic average compares: give the logits of real samples too")
        return self.discriminator(fake, real)
