"""DRAGAN with noise on both sides of the real samples."""

from torch import Tensor

from nashpath.core import Batch, Key, NonNegative
from nashpath.games.penalties.base import Critic, Penalty, norms, slopes


class DraganCentred(Penalty):
    """Pulls ‖∇d‖ to 1 in a cloud centred on the real samples: the DRAGAN of later benchmarks.

    ::

        weight · E (‖∇d(x̂)‖₂ − 1)²,   x̂ = x + s (u − ½),   u ~ U[0, 1] per coordinate

    where ``s`` is the standard deviation of all numbers in the real batch. The benchmark's code also clips x̂ to its
    image range and adds 10⁻⁴ under the root; neither is done here.

    Reference: Kurach et al. 2019; google/compare_gan ``compare_gan/gans/penalty_lib.py`` (``dragan_penalty``).
    """

    needs_input_gradient = True

    def __init__(self, weight: NonNegative = 10.0):
        super().__init__(weight=weight)

    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        return {"cloud": key.uniform((*lead, *shape)) - 0.5}

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        point = real + real.std(correction=0) * noise["cloud"]
        return self.weight * (norms(slopes(critic, point)) - 1).square().mean()
