"""A critic of pairs: is this sample more real than that one?"""

from torch import Tensor
from torch.nn.functional import softplus

from nashpath.games.objectives.base import Objective


class Relativistic(Objective):
    """Relativistic pairing GAN: D ranks a real sample above a generated one; with R1 + R2 it is the game of R3GAN.

    ::

        J_D = E softplus(−(d(x) − d(x̃)))        J_G = E softplus(−(d(x̃) − d(x))),   (x, x̃) ~ p × q

    Pairs are the rows of the batch. Adding a constant to d changes nothing. Raises `ValueError` where real and
    generated logits differ in shape, so that nothing is paired by broadcasting.

    Reference: Jolicoeur-Martineau 2019, Sec. 4; Huang et al. 2024 (R3GAN), brownvc/R3GAN ``R3GAN/Trainer.py``.
    """

    compares = True
    undecided = None

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return softplus(fake - _paired(real, fake)).mean()

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return softplus(_paired(real, fake) - fake).mean()


def _paired(real: Tensor | None, fake: Tensor) -> Tensor:
    """``real``, after checking that it pairs with ``fake`` row by row."""
    if real is None or real.shape != fake.shape:
        given = "none" if real is None else f"logits of shape {tuple(real.shape)}"
        raise ValueError(f"pairs need as many real as generated logits, {tuple(fake.shape)}; real: {given}")
    return real
