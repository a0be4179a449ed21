"""The auxiliary discriminative classifier."""

from torch import Tensor

from nashpath.games.heads.base import ClassHead, surprise


class DiscriminativeClassifier(ClassHead):
    """A classifier that also tells real from generated samples of each class: ADC-GAN.

    ::

        J_D ← J_D + λ (−E_p log C(y, real | x) − E_q log C(y, generated | x̃))
        J_G ← J_G + λ (−E_q log C(y, real | x̃) + E_q log C(y, generated | x̃))

    C is the softmax of 2K outputs, first those of real samples of each class; the logit does not see the class. Of the
    best C the generator's part is λ KL(q(x, y) ‖ p(x, y)): it wants the data's joint distribution, not the most certain
    class as AC-GAN does.

    Reference: Hou et al. 2022 (arXiv 2107.10060), section 4; the authors' ``train_fns.py`` (λ = 1 for both players).
    """

    prices = True

    @staticmethod
    def outputs(width: int, classes: int) -> int:
        return width + 2 * classes

    def discriminator(self, real: Tensor, real_class: Tensor, fake: Tensor, fake_class: Tensor) -> Tensor:
        own = surprise(fake[:, self.width :], self.classes + fake_class)
        return surprise(real[:, self.width :], real_class) + own

    def generator(self, fake: Tensor, fake_class: Tensor) -> Tensor:
        logits = fake[:, self.width :]
        return surprise(logits, fake_class) - surprise(logits, self.classes + fake_class)
