"""A discriminator that is never asked to be sure."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from nashpath.core import Fraction, Table
from nashpath.games.objectives.base import Objective
from nashpath.games.objectives.minimax import Minimax
from nashpath.games.objectives.non_saturating import NonSaturating

Generator = Literal["non_saturating", "minimax", "shifted"]


def cross_entropy(logit: Tensor, target: Tensor) -> Tensor:
    """``−t log D − (1 − t) log(1 − D)``, mean over the batch, from logits."""
    return (target * softplus(-logit) + (1 - target) * softplus(logit)).mean()


def fool(fake: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """The non-saturating cost: target 1."""
    return NonSaturating().generator(fake)


def saturate(fake: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """The minimax cost."""
    return Minimax().generator(fake)


def meet(fake: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
    """``KL(t ‖ D)`` with t = (α + β) / 2, where D stands when p = q."""
    target = 0.5 * (positive + negative)
    return cross_entropy(fake, target) + torch.xlogy(target, target) + torch.xlogy(1 - target, 1 - target)


_GENERATORS = Table("generator cost of label smoothing", {"non_saturating": fool, "minimax": saturate, "shifted": meet})


class LabelSmoothing(Objective):
    """One-sided label smoothing: the discriminator's target on real samples is α = 0.9, not 1.

    ::

        J_D = E_p [α softplus(−d) + (1 − α) softplus(d)] + E_q [β softplus(−d) + (1 − β) softplus(d)]

    with α = ``positive`` and β = ``negative``. The best D is ``(α p + β q) / (p + q)``: with β = 0 (one-sided, as the
    paper asks) it only scales; with β > 0, samples where p is near 0 keep D up and are not corrected. ``generator``:
    ``non_saturating`` (the text) or ``minimax`` costs, or ``shifted``, as in the released code: KL of D to the target
    (α + β)/2, where D stands at p = q. The released α is 0.75, with generator's target 0.375.

    Raises ValueError for targets outside [0, 1].

    Reference: Salimans et al. 2016, Sec. 3.4; openai/improved_gan ``imagenet/train_imagenet.py`` (d_label_smooth) and
    ``build_model.py`` (generator_target_prob).
    """

    def __init__(self, positive: Fraction = 0.9, negative: Fraction = 0.0, generator: Generator = "non_saturating"):
        for name, target in {"positive": positive, "negative": negative}.items():
            if not 0 <= float(target) <= 1:
                raise ValueError(f"{name} is {target}; a smoothed label must lie in [0, 1]")
        super().__init__(positive=positive, negative=negative)
        middle = 0.5 * (float(positive) + float(negative))
        self.undecided = math.log(middle) - math.log1p(-middle) if 0 < middle < 1 else None
        self._kind, self._price = generator, _GENERATORS[generator]

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, generator={self._kind!r}"

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return cross_entropy(real, self.positive) + cross_entropy(fake, self.negative)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return self._price(fake, self.positive, self.negative)
