"""The same random changes of images before every look of the critic."""

import torch
from torch import Tensor, nn

from nashpath.core import Game, checks_arguments
from nashpath.core.noise import Noise
from nashpath.core.typed import normal_share
from nashpath.games.techniques.around import AroundCritic, image_gan_of, wrap_critics
from nashpath.games.views import shift, whole


class DiffAugment(Noise):
    """Colour, translation and cutout of images, from seven normal numbers a sample, which Φ makes uniform."""

    sides = 2

    def __init__(self, colour: bool = True, translation: bool = True, cutout: bool = True):
        super().__init__((7,))
        self.colour, self.translation, self.cutout = colour, translation, cutout

    def extra_repr(self) -> str:
        return f"colour={self.colour}, translation={self.translation}, cutout={self.cutout}"

    def forward(self, x: Tensor) -> Tensor:
        rows = self.rows(x.shape[0])
        return x if rows is None else self.changed(x, normal_share(rows.to(torch.get_default_dtype())))

    def changed(self, x: Tensor, uniform: Tensor) -> Tensor:
        """Images [batch, channels, height, width] under uniform numbers [batch, 7]."""
        if self.colour:
            brightness, saturation, contrast = (uniform[:, k, None, None, None].to(x.dtype) for k in range(3))
            x = x + (brightness - 0.5)
            x = _scaled(x, (1,), 2 * saturation)
            x = _scaled(x, (1, 2, 3), contrast + 0.5)
        if self.translation:
            for axis, k in ((2, 3), (3, 4)):
                x = shift(x, whole(uniform[:, k], x.shape[axis] // 8), axis)
        if self.cutout:
            outside = [_outside(uniform[:, k], x.shape[axis]) for axis, k in ((2, 5), (3, 6))]
            x = x * (outside[0][:, None, :, None] | outside[1][:, None, None, :]).to(x.dtype)
        return x


def _scaled(x: Tensor, axes: tuple[int, ...], factor: Tensor) -> Tensor:
    """The distance from the mean over ``axes``, times a factor."""
    mean = x.mean(axes, keepdim=True)
    return mean + factor * (x - mean)


def _outside(uniform: Tensor, size: int) -> Tensor:
    """Which places of a side the hole of half its length does not reach, [batch, size]; its centre is anywhere."""
    length = size // 2
    places = size + 1 - length % 2
    centre = (places * uniform).floor().clamp(max=places - 1).long()[:, None]
    first = centre - length // 2
    at = torch.arange(size, device=uniform.device)
    return (at < first) | (at >= first + length)


@checks_arguments
def diff_augment(game: Game, colour: bool = True, translation: bool = True, cutout: bool = True) -> Game:
    """DiffAugment: real and generated images are changed at random before every look of the critic, in both costs.

    ::

        d(x) ← d(T(x)),   T of
        colour:       + U[−½, ½];  distance from the mean of channels · U[0, 2];  from the mean of all · U[½, 3/2]
        translation:  by up to an eighth of each side, zeros where nothing was
        cutout:       a hole of zeros, half of each side long, centred anywhere

    T is differentiable, so the generator learns through it; it is drawn anew at every step, for real and for generated
    images apart, and the passes of one turn over either share it. Evaluation and samples see no T. For training on few
    images.

    Raises `ValueError` for a game without images.

    Reference: Zhao et al. 2020 (Differentiable Augmentation), Eq. 3 to 5 and Sec. 3.2; mit-han-lab/data-efficient-gans
    ``DiffAugment_pytorch.py``.
    """
    gan = image_gan_of(game, "diff_augment")

    def augmented(network: nn.Module) -> nn.Module:
        return AroundCritic(network, DiffAugment(colour, translation, cutout))

    return wrap_critics(gan, augmented)
