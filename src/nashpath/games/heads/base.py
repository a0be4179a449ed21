"""What the outputs of a class-conditional discriminator mean, and what players pay for those beyond the logit."""

from torch import Tensor, nn


class ClassHead:
    """Outputs [batch, `outputs`] of one network: first those that the objective asks for, then those of classes.

    ``width`` is the number of outputs that the objective asks for (1: a logit), ``classes`` that of classes.
    """

    prices = False
    """Whether players pay for the outputs of classes themselves."""

    def __init__(self, width: int, classes: int):
        self.width, self.classes = width, classes

    @staticmethod
    def outputs(width: int, classes: int) -> int:
        """How many outputs the network needs."""
        raise NotImplementedError

    def logit(self, outputs: Tensor, chosen: Tensor) -> Tensor:
        """What the objective is shown, [batch, width], for the classes ``chosen`` [batch, classes] (one-hot)."""
        return outputs[:, : self.width]

    def discriminator(self, real: Tensor, real_class: Tensor, fake: Tensor, fake_class: Tensor) -> Tensor:
        """The discriminator's cost of outputs on samples of these classes, [batch]; a scalar. Where `prices`."""
        raise NotImplementedError

    def generator(self, fake: Tensor, fake_class: Tensor) -> Tensor:
        """The generator's."""
        raise NotImplementedError


def surprise(logits: Tensor, target: Tensor) -> Tensor:
    """``−E log softmax(logits)_target``: cross-entropy."""
    return nn.functional.cross_entropy(logits, target)
