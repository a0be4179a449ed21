"""Random changes of images before every look of the critic, as often as it overfits."""

import math

import torch
from torch import Tensor, nn

from nashpath.core import Count, Game, Number, Positive, checks_arguments
from nashpath.core.noise import Noise
from nashpath.core.typed import normal_share
from nashpath.games.techniques.around import AroundCritic, check_single_logits, image_gan_of, wrap_critics
from nashpath.games.views import shift, warped, whole


class AdaptiveAugment(Noise):
    """Changes of images, each with probability p, and the controller of p.

    State: ``probability`` p; ``signs`` and ``batches``, the sum of the batches' mean signs of logits on real images
    since p moved last, and how many there were.
    """

    sides = 2
    probability: Tensor
    signs: Tensor
    batches: Tensor

    def __init__(
        self,
        batch_size: int,
        target: Number = 0.6,
        images: Positive = 500_000.0,
        interval: Count = 4,
        blit: bool = True,
        geometry: bool = True,
        colour: bool = True,
        undecided: Number = 0.0,
    ):
        super().__init__((28,), target=target, images=images, undecided=undecided)
        self.batch_size, self.interval = batch_size, interval
        self.blit, self.geometry, self.colour = blit, geometry, colour
        for name in ("probability", "signs", "batches"):
            self.register_buffer(name, torch.zeros(()))

    def extra_repr(self) -> str:
        changes = ", ".join(f"{name}={getattr(self, name)}" for name in ("blit", "geometry", "colour"))
        return f"{super().extra_repr()}, interval={self.interval}, {changes}"

    def observe_real(self, logits: Tensor) -> None:
        """One step of the controller, from the logits on real images."""
        signs, batches = self.signs + (logits.detach() - self.undecided).sign().mean(), self.batches + 1
        due = batches >= self.interval
        move = (signs / batches - self.target).sign() * (self.batch_size * self.interval) / self.images
        self.probability = torch.where(due, (self.probability + move).clamp(0, 1), self.probability)
        self.signs = torch.where(due, torch.zeros_like(signs), signs)
        self.batches = torch.where(due, torch.zeros_like(batches), batches)

    def forward(self, x: Tensor) -> Tensor:
        rows = self.rows(x.shape[0])
        return x if rows is None else self.changed(x, rows.to(torch.get_default_dtype()))

    def changed(self, x: Tensor, normal: Tensor) -> Tensor:
        """Images [batch, channels, height, width] under normal numbers [batch, 28]."""
        uniform = normal_share(normal)
        if self.blit:
            x = self._blitted(x, uniform[:, :7])
        if self.geometry:
            x = self._warped(x, normal[:, 17:], uniform[:, 17:])
        return self._coloured(x, normal[:, 7:17], uniform[:, 7:17]) if self.colour else x

    def _chosen(self, uniform: Tensor) -> Tensor:
        """Which images are changed, [batch]: each with probability p."""
        return uniform < self.probability

    def _warped(self, x: Tensor, normal: Tensor, uniform: Tensor) -> Tensor:
        """Scaled, turned, scaled along one axis, turned again and moved, by any amount."""
        one, sides = torch.ones_like(normal[:, 0]), normal.new_tensor([x.shape[3], x.shape[2]])
        rarely = 1 - (1 - self.probability).sqrt()  # so that an image is turned at all with probability p
        chosen = [self._chosen(uniform[:, k]) for k in (0, 4, 8)]
        turned = [uniform[:, k] < rarely for k in (2, 6)]
        size, aspect = (torch.where(c, torch.exp2(0.2 * normal[:, k]), one) for c, k in zip(chosen, (1, 5)))
        angles = [torch.where(c, math.pi * (2 * uniform[:, k] - 1), 0.0) for c, k in zip(turned, (3, 7))]
        stretch = torch.diag_embed(torch.stack([1 / aspect, aspect], 1)) / size[:, None, None]
        linear = _rotation(angles[0]) @ stretch @ _rotation(angles[1])
        by = torch.where(chosen[2][:, None], 0.125 * sides * normal[:, 9:11], 0.0)
        changed = chosen[0] | chosen[1] | chosen[2] | turned[0] | turned[1]
        return torch.where(_each(changed), warped(x, linear, -(linear @ by[:, :, None])[:, :, 0]), x)

    def _blitted(self, x: Tensor, uniform: Tensor) -> Tensor:
        """Mirrored, turned by quarters, moved by up to an eighth: whole pixels, so nothing is interpolated."""
        mirrored = self._chosen(uniform[:, 0]) & (uniform[:, 1] < 0.5)
        x = torch.where(_each(mirrored), x.flip(3), x)
        turns = torch.where(self._chosen(uniform[:, 2]), (4 * uniform[:, 3]).floor().clamp(max=3), 0.0)
        square = x.shape[2] == x.shape[3]
        turned = x
        for quarter in (1, 2, 3) if square else (2,):
            turned = torch.where(_each(turns == quarter), x.rot90(quarter, (2, 3)), turned)
        moved = self._chosen(uniform[:, 4])
        for axis, k in ((2, 5), (3, 6)):
            by = whole(uniform[:, k], min(round(x.shape[axis] / 8), x.shape[axis] - 1))
            turned = shift(turned, torch.where(moved, by, 0), axis, reflect=True)
        return turned

    def _coloured(self, x: Tensor, normal: Tensor, uniform: Tensor) -> Tensor:
        """Brightness, contrast, luma flip; with three channels also hue and saturation."""

        def where(k: int, changed: Tensor, other: float) -> Tensor:
            return torch.where(self._chosen(uniform[:, k]), changed, other)[:, None, None, None].to(x.dtype)

        x = x + where(0, 0.2 * normal[:, 1], 0.0)
        x = x * where(2, torch.exp2(0.5 * normal[:, 3]), 1.0)
        flip = where(4, (uniform[:, 5] < 0.5).to(normal.dtype), 0.0)
        if x.shape[1] == 1:
            return x * (1 - 2 * flip)
        grey = x.mean(1, keepdim=True).expand_as(x)
        x, grey = x - 2 * flip * grey, grey * (1 - 2 * flip)
        angle = where(6, math.pi * (2 * uniform[:, 7] - 1), 0.0)
        tint = x - grey
        beside = (tint.roll(1, 1) - tint.roll(-1, 1)) / math.sqrt(3)  # at right angles to tint and to grey
        tint = angle.cos() * tint + angle.sin() * beside
        return grey + where(8, torch.exp2(normal[:, 9]), 1.0) * tint


def _rotation(angle: Tensor) -> Tensor:
    """Matrices [batch, 2, 2] that turn by so much."""
    cos, sin = angle.cos(), angle.sin()
    return torch.stack([torch.stack([cos, -sin], 1), torch.stack([sin, cos], 1)], 1)


def _each(chosen: Tensor) -> Tensor:
    return chosen[:, None, None, None]


@checks_arguments
def ada(
    game: Game,
    target: Number = 0.6,
    images: Positive = 500_000.0,
    interval: Count = 4,
    blit: bool = True,
    geometry: bool = True,
    colour: bool = True,
) -> Game:
    """ADA, adaptive discriminator augmentation: images are changed with a probability that follows the overfitting.

    ::

        d(x) ← d(T_p(x)),   p ← p + sign(r − target) · batch · interval / images   at every interval-th turn, in [0, 1]
        r = E_p sign(d(T_p(x)) − d₀) over the turns since: 0 where D cannot tell real images, 1 where it is sure of all

    d₀ is the logit at which the objective's discriminator is undecided (0; ½ under least_squares).
    T_p makes each of these changes with probability p: ``blit``: mirroring, quarter turns, shifts by up to an eighth
    (what is uncovered mirrors the border); ``geometry``: scaled by 2^N(0, 0.2²), turned by any angle, one side scaled
    by 2^N(0, 0.2²) and the other by its inverse, moved by N(0, ⅛²) of each side; ``colour``: brightness + N(0, 0.2²),
    contrast · 2^N(0, ½²), luma flip, hue by any angle, saturation · 2^N(0, 1). These are the authors' default; their
    filters and corruptions are left out. Quarter turns of images that are not square are half turns. p moves from 0 to
    1 in ``images`` real images, is 0 at the start, and is state with the sums it comes from, so a resumed run goes on
    with it. Evaluation and samples see no T.

    Raises `ValueError` for a game without images, for ``colour`` with neither one nor three channels, for a critic that
    has no logit of single real samples, and for an objective under which a constant in d is free (wasserstein,
    relativistic, cumulant): r means nothing there.

    Reference: Karras et al. 2020 (Training Generative Adversarial Networks with Limited Data), Sec. 3 and Appendix B;
    NVlabs/stylegan2-ada-pytorch ``training/augment.py`` and ``training/training_loop.py``.
    """
    gan = image_gan_of(game, "ada")
    check_single_logits(gan, "ada")
    undecided = gan.objective.undecided
    if undecided is None:
        raise ValueError(
            f"ada follows how many real images the critic is sure of; under {type(gan.objective).__name__} no logit is "
            "that of an undecided critic: use an objective with one, such as non_saturating, hinge or least_squares"
        )
    channels = gan.data.shape[0]
    if colour and channels not in (1, 3):
        raise ValueError(f"ada: the colours of images of {channels} channels are unknown; use colour=false")

    def augmented(network: nn.Module) -> nn.Module:
        changes = AdaptiveAugment(gan.batch_size, target, images, interval, blit, geometry, colour, undecided)
        return AroundCritic(network, changes)

    return wrap_critics(gan, augmented)
