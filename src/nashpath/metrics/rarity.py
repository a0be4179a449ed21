"""How uncommon are the generated samples that look real?"""

from collections.abc import Mapping
from typing import ClassVar

import torch

from nashpath.core.hyperparameters import Count
from nashpath.metrics.balls import blocks, reach
from nashpath.metrics.base import Metric, Sample
from nashpath.metrics.errors import validate_pair, validate_samples
from nashpath.metrics.grid import grid_of
from nashpath.metrics.scale import restored


class RarityScore(Metric):
    """Rarity of generated samples: the radius of the smallest ball of a real one that they lie in, their mean.

    ::

        rarity(g) = min over r with ‖g − r‖ ≤ NN_k(r) of NN_k(r)

    where ``NN_k(r)`` is the distance of a real sample to its ``neighbours``-th nearest other one. Large where real
    samples lie far apart. A sample in no ball has no rarity and is left out: it may be merely bad. ``rarity`` is the
    mean over the others, in units of the features (0 where there is none), ``rarity_share`` their share. A truncated
    generator has a small one; that of real samples stands beside it as *real halves*.

    Raises `TooFewSamplesError` (no more real samples than neighbours), `NotFiniteError`, `ShapeError`.

    Reference: Han, Choi, Choi, Kim, Ha & Choi 2022, "Rarity Score: A New Metric to Evaluate the Uncommonness of
    Synthesized Images" (their code leaves out samples exactly on a sphere).
    """

    bias: ClassVar[str] = "falls with the number of real samples, whose balls shrink"
    better: ClassVar[Mapping[str, int]] = {"rarity_share": 1}
    signed = False
    numbers: ClassVar[Mapping[str, str]] = {
        "rarity": "mean radius of the smallest ball of a real sample around a generated one, in units of the features",
        "rarity_share": "share of generated samples that lie in a ball of a real one",
    }
    shares: ClassVar[frozenset[str]] = frozenset({"rarity_share"})

    def __init__(self, neighbours: Count = 3):
        self.neighbours, self.least = neighbours, neighbours + 1

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        """``{"rarity": mean radius, "rarity_share": share of fakes}``."""
        validate_samples(real.features, "real", least=self.least)
        x, y = validate_pair(real.features, fake.features)
        grid = grid_of(x, y)
        around = reach(real, x, self.neighbours, grid)
        smallest = torch.full((len(y),), torch.inf, dtype=torch.double, device=x.device)
        for block in blocks(x, y, grid):
            balls = around[block.at, None]
            inside = block.within(balls, closed=True)
            smallest[block.over] = torch.minimum(smallest[block.over], balls.where(inside, torch.inf).amin(0))
        scored = smallest[smallest.isfinite()].sqrt()
        mean = float(scored.mean()) * grid.step if len(scored) else 0.0
        return {
            "rarity": restored(mean, grid.exponent, "the rarity"),
            "rarity_share": len(scored) / len(y),
        }
