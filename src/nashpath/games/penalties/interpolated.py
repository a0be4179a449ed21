"""What the penalties on the segments between real and generated samples share."""

import torch
from torch import Tensor

from nashpath.core import Batch
from nashpath.games.penalties.base import Critic, Penalty, per_sample_uniform, slopes


class Interpolated(Penalty):
    """``weight · E price(∇d(x̂))`` at ``x̂ = α x + (1 − α) x̃``, α ~ U[0, 1] once per sample; subclasses price a slope.

    Raises `ValueError` where real and generated batches differ in shape.
    """

    def draw(self, rng: torch.Generator, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        return {"alpha": per_sample_uniform(rng, lead, shape)}

    def price(self, slope: Tensor) -> Tensor:
        """The price of each sample's slope: [batch, *sample] to [batch]."""
        raise NotImplementedError

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        if real.shape != fake.shape:
            raise ValueError(
                f"segments need as many real as generated samples; got {tuple(real.shape)} and {tuple(fake.shape)}"
            )
        between = fake + noise["alpha"] * (real - fake)
        return self.weight * self.price(slopes(critic, between)).mean()
