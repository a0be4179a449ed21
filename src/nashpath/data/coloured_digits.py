"""Digits in colour: form and colour vary independently, so collapse of either can be seen."""

from typing import Annotated, ClassVar

import torch
from annotated_types import Ge, Le
from torch import Tensor

from nashpath.core.key import Key
from nashpath.data.base import SyntheticSource
from nashpath.data.digits import Digits, Split


class ColouredDigits(SyntheticSource):
    """Digits with a random foreground and a random background colour, like Color MNIST.

    With intensity ``t`` in [0, 1], ``x = 2 (b + t (f - b)) - 1`` in each channel; ``b`` is uniform on [0, 1] and
    ``f = (b + u) mod 1`` with ``u`` uniform on [c, 1 - c]. Both colours are uniform, and differ by at least ``c =
    contrast`` in every channel, so that the digit can be read. Samples have shape ``(3, 8, 8)`` and the digit's label.

    Reference: Fedus, Rosca, Lakshminarayanan, Dai, Mohamed & Goodfellow 2018, "Many Paths to Equilibrium: GANs Do Not
    Need to Decrease a Divergence At Every Step" (Color MNIST; they do not publish how it was coloured, the rule above
    is ours).
    """

    shape: tuple[int, ...] = (3, 8, 8)
    features: ClassVar[str] = "digits"
    classes = 10

    def __init__(self, split: Split = "train", contrast: Annotated[float, Ge(0), Le(0.5)] = 0.25):
        self._digits = Digits(split)
        self.contrast = contrast

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, 3, 8, 8], "label": [count]}``."""
        return coloured(self._digits.draw(key.stream("grey"), count), key, self.contrast)


def coloured(grey: dict[str, Tensor], key: Key, contrast: float) -> dict[str, Tensor]:
    """A batch of labelled grey images [count, 1, h, w] in two random colours each, by the rule of `ColouredDigits`."""
    uniform = key.uniform(2, len(grey["real"]), 3, 1, 1)
    ground = uniform[0]
    ink = (ground + contrast + (1 - 2 * contrast) * uniform[1]) % 1
    intensity = (grey["real"] + 1) / 2
    return {"real": 2 * torch.lerp(ground, ink, intensity) - 1, "label": grey["label"]}
