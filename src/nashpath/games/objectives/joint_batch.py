"""One pass of the critic over real and generated samples together."""

import torch
from torch import Tensor

from nashpath.core.typed import split
from nashpath.games.objectives.base import Critic, Objective
from nashpath.games.objectives.non_saturating import NonSaturating


class JointBatch(Objective):
    """Prices real and generated samples in one pass of the discriminator, so that its layers see them side by side.

    ::

        [d(x); d(x̃)] = critic([x; x̃]),   then the costs of the wrapped objective

    It is what the joint form of minibatch discrimination needs; for a critic that does not mix its batch it
    changes nothing. ``objective`` is any other objective, non-saturating by default; not feature matching, which looks
    at features instead of logits, so that it is refused with a ValueError.

    Reference: Salimans et al. 2016, Sec. 3.2; openai/improved_gan ``imagenet/discriminator.py``.
    """

    joint = True

    def __init__(self, objective: Objective | None = None):
        super().__init__()
        self.objective = objective if objective is not None else NonSaturating()
        if type(self.objective).forward is not Objective.forward:
            raise ValueError(
                f"{type(self.objective).__name__} calls the critic in its own way, which a joint batch cannot replace; "
                "put joint_batch inside it, over an objective of logits"
            )
        self.compares, self.unbounded = self.objective.compares, self.objective.unbounded
        self.undecided = self.objective.undecided
        self.batchwise, self.outputs = self.objective.batchwise, self.objective.outputs

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.objective.discriminator(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        return self.objective.generator(fake, real)

    def witness(self, critic: Critic, real: Tensor, fake: Tensor) -> Critic:
        return self.objective.witness(critic, real, fake)

    def forward(self, player: str, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        on_real, on_fake = split(critic(torch.cat([real, fake])), len(real))
        if player == "discriminator":
            return self.discriminator(on_real, on_fake)
        return self.generator(on_fake, on_real if self.compares else None)
