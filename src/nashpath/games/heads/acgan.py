"""The auxiliary classifier."""

from torch import Tensor

from nashpath.games.heads.base import ClassHead, surprise


class AuxiliaryClassifier(ClassHead):
    """A classifier beside the logit, which both players want to be right: AC-GAN.

    ::

        J_D ← J_D + λ (−E_p log C(y | x) − E_q log C(y | x̃))        J_G ← J_G + λ (−E_q log C(y | x̃))

    C is the softmax of K outputs; the logit does not see the class. The generator then prefers samples whose class is
    beyond doubt: the classes of its samples are sharper, and less varied, than those of the data.

    Reference: Odena, Olah and Shlens 2017 (arXiv 1610.09585), Eq. 2 and 3.
    """

    prices = True

    @staticmethod
    def outputs(width: int, classes: int) -> int:
        return width + classes

    def discriminator(self, real: Tensor, real_class: Tensor, fake: Tensor, fake_class: Tensor) -> Tensor:
        return surprise(real[:, self.width :], real_class) + surprise(fake[:, self.width :], fake_class)

    def generator(self, fake: Tensor, fake_class: Tensor) -> Tensor:
        return surprise(fake[:, self.width :], fake_class)
