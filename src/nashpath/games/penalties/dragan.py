"""The penalty of DRAGAN, around real samples only."""

from torch import Tensor

from nashpath.core import Batch, Key, NonNegative
from nashpath.games.penalties.base import Critic, Penalty, norms, per_sample_uniform, slopes


class Dragan(Penalty):
    """Pulls ‖∇d‖ to 1 in a cloud around the real samples, with the authors' one-sided positive noise: DRAGAN.

    ::

        weight · E (‖∇d(x̂)‖₂ − 1)²,   x̂ = x + α · ½ s u,   u ~ U[0, 1] per coordinate,   α ~ U[0, 1] per sample

    where ``s`` is the standard deviation of all numbers in the real batch (one scalar).

    Reference: Kodali et al. 2017, Sec. 2.3; kodalinaveen3/DRAGAN ``DRAGAN.ipynb``; Fedus et al. 2017 (DRAGAN-NS).
    """

    needs_input_gradient = True

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        cloud = key.uniform((*lead, *shape))
        return {"cloud": cloud, "alpha": per_sample_uniform(key, lead, shape)}

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        point = real + noise["alpha"] * (0.5 * real.std(correction=0)) * noise["cloud"]
        return self.weight * (norms(slopes(critic, point)) - 1).square().mean()
