"""The projection discriminator."""

from torch import Tensor

from nashpath.games.heads.base import ClassHead


class Projection(ClassHead):
    """The class enters the logit by an inner product with the features: ``d(x, y) = ψ(φ(x)) + yᵀ V φ(x)``.

    ψ and the rows of V are the 1 + K outputs of one linear layer on the features φ: ``d = o₀ + o_y``. The layer's bias
    gives each class a constant besides, which can hold ``log p(y) / q(y)`` where the class balances differ.

    Reference: Miyato and Koyama 2018 (arXiv 1802.05637), section 3; pfnet-research/sngan_projection ``dis_models``.
    """

    @staticmethod
    def outputs(width: int, classes: int) -> int:
        return width * (1 + classes)

    def logit(self, outputs: Tensor, chosen: Tensor) -> Tensor:
        of_class = outputs[:, self.width :].reshape(-1, self.classes, self.width)
        return outputs[:, : self.width] + (chosen[:, :, None].to(outputs.dtype) * of_class).sum(1)
