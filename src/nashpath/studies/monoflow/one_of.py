"""Several objectives behind one number, so that members with different losses are one stack and one program."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from nashpath.games.objectives import Objective


class OneOf(Objective):
    """The generator's cost of one of ``options``; the discriminator's, which all of them must share, of the first.

    The others are shown logits of 0, so that none of them can overflow.
    """

    def __init__(self, options: Sequence[Objective], index: int):
        super().__init__(chosen=one_hot(torch.tensor(index), len(options)))
        self.options = nn.ModuleList(options)

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.options[0].discriminator(real, fake)  # type: ignore[operator]

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        costs = []
        for option, one in zip(self.options, self.chosen):
            costs.append(torch.where(one > 0, option.generator(torch.where(one > 0, fake, 0.0)), 0.0))  # type: ignore[operator]
        return torch.stack(costs).sum()
