"""The generator learns from the samples that the critic likes best."""

import torch
from torch import Tensor
from torch.func import vmap

from nashpath.core import Decay, Fraction, Game, Positive, checks_arguments
from nashpath.games.objectives import Objective
from nashpath.games.objectives.base import Critic
from nashpath.games.techniques.around import gan_of


class TopK(Objective):
    """The wrapped objective, whose generator pays for the k samples of highest logit alone; its ``turns`` are state."""

    turns: Tensor

    def __init__(self, objective: Objective, share: Fraction, decay: Decay, epoch: Positive):
        super().__init__(share=share, decay=decay, epoch=epoch)
        self.objective = objective
        self.compares, self.unbounded, self.outputs = objective.compares, objective.unbounded, objective.outputs
        self.undecided = objective.undecided
        self.register_buffer("turns", torch.zeros(()))

    def advance(self, player: str) -> None:
        super().advance(player)
        if player == "generator":
            self.turns = self.turns + 1

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.objective.discriminator(real, fake)

    def generator(self, fake: Tensor, real: Tensor | None = None) -> Tensor:
        logits = fake.flatten()
        before = (self.turns - 1).clamp(min=0)
        kept = torch.maximum(self.share, self.decay ** (before / self.epoch).floor())
        count = (kept * len(logits) - 1e-4).ceil().clamp(min=1)  # 0.7 of 10 is 7, also in float32
        rank = logits.detach().argsort(descending=True).argsort()
        prices = vmap(self.objective.generator)(fake)
        return torch.where(rank < count, prices, torch.zeros_like(prices)).sum() / count

    def witness(self, critic: Critic, real: Tensor, fake: Tensor) -> Critic:
        return self.objective.witness(critic, real, fake)

    def forward(self, player: str, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        if player == "discriminator":
            return self.objective(player, critic, real, fake)
        return self.generator(critic(fake))


@checks_arguments
def top_k(game: Game, share: Fraction = 0.75, decay: Decay = 0.99, epoch: Positive = 100.0) -> Game:
    """Top-k training: the generator learns from the k generated samples alone that the critic takes most for real.

    ::

        J_G ← (1/k) Σ over the k samples of highest d(x̃) of their costs,   k = ⌈batch · max(share, decay^⌊t / epoch⌋)⌉

    t counts the generator's turns from 0 and is state: k falls from the whole batch, while the critic still knows
    nothing, to ``share`` of it. The discriminator's cost is unchanged. It wants an objective that is a mean over
    generated samples.

    Raises `ValueError` for a game without samples, and for objectives that compare, price whole batches, or call the
    critic in their own way: they have no cost of single generated samples.

    Reference: Sinha et al. 2020 (Top-k Training of GANs), Algorithm 1.
    """
    gan = gan_of(game, "top_k")
    inner = gan.objective
    own = type(inner).forward is not Objective.forward
    if inner.compares or inner.batchwise or inner.joint or inner.outputs != 1 or own:
        raise ValueError(
            f"top_k keeps the costs of single generated samples, and {type(inner).__name__} has none; use an objective "
            "that is a mean over them, such as non_saturating, hinge or wasserstein"
        )
    gan.objective = TopK(inner, share, decay, epoch)
    return gan
