"""A thousand modes that can be told apart: three digits, one in each colour channel."""

from typing import ClassVar

from torch import Tensor

from nashpath.core.key import Key
from nashpath.data.base import SyntheticSource
from nashpath.data.digits import Digits, Split


class StackedDigits(SyntheticSource):
    """Three random digits in three channels; the label is the number they spell: 1,000 modes.

    Channel 0 holds the hundreds. Samples have shape ``(3, 8, 8)`` and a label 0..999, nearly uniform (the ten classes
    are). ``split`` is that of `Digits`.

    Reference: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks" (stacked MNIST),
    with the digits of the UCI repository.
    """

    shape: tuple[int, ...] = (3, 8, 8)
    features: ClassVar[str] = "digits"
    classes = 1000

    def __init__(self, split: Split = "train"):
        self._digits = Digits(split)

    @property
    def digits(self) -> Digits:
        """The single digits that samples are stacked from; their nearest neighbours name a sample's mode."""
        return self._digits

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, 3, 8, 8], "label": [count]}``."""
        return stacked(self._digits.draw(key, 3 * count), count)


def stacked(digits: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """``3 · count`` single digits as the channels of ``count`` samples; their labels spell the number."""
    hundreds, tens, units = digits["label"].view(count, 3).unbind(1)
    real = digits["real"]
    return {"real": real.view(count, 3, *real.shape[2:]), "label": 100 * hundreds + 10 * tens + units}
