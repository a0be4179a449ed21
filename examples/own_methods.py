"""Methods of one's own for the command line: a penalty, a rule, a data set, a metric and a flow.

For example, beside a row of the package, over four seeds:
`nashpath train --with examples/own_methods.py --sweep penalty=none,consistency --seeds 0:4`
"""

import torch
from torch import Tensor

import nashpath as nash
from nashpath.core import Batch, Count, Key, NonNegative, Source, Tree
from nashpath.flows import Field, Flow
from nashpath.metrics import Metric, Sample


@nash.register("penalty", "consistency")
class Consistency(nash.Penalty):
    """Pulls the logits of a real sample and of its noisy copy together; it takes no slope.

    ::

        weight · E (d(x) − d(x + deviation · u))²,   u ~ N(0, I)

    Reference: Zhang et al. 2020, Eq. 5.
    """

    def __init__(self, weight: NonNegative = 10.0, deviation: NonNegative = 0.1):
        super().__init__(weight=weight, deviation=deviation)

    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        return {"u": key.normal((*lead, *shape))}

    def forward(self, critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        return self.weight * (critic(real) - critic(real + self.deviation * noise["u"])).square().mean()


@nash.register("rule", "sign")
class Sign(nash.UpdateRule):
    """Sign descent: every coordinate moves by the learning rate.

    Reference: Bernstein et al. 2018, Algorithm 1.
    """

    def __init__(self, learning_rate: NonNegative = 1e-3):
        super().__init__(learning_rate)

    def forward(self, gradient: Tree, memory: Tree) -> tuple[Tree, Tree]:
        return {name: -self.learning_rate * g.sign() for name, g in gradient.items()}, memory


@nash.register("data", "cross")
class Cross:
    """A cross of two lines in the plane, uniform in [-1, 1] along each, with noise across."""

    shape: tuple[int, ...] = (2,)

    def __init__(self, deviation: float = 0.02):
        self.deviation = deviation

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        along = 2 * key.uniform(count) - 1
        across = self.deviation * key.normal(count)
        upright = key.integers(2, (count, 1)).bool()
        return {"real": torch.where(upright, torch.stack([across, along], 1), torch.stack([along, across], 1))}


@nash.register("metric", "energy_distance")
class EnergyDistance(Metric):
    """Energy distance between features: 0 exactly where the distributions are the same.

    Reference: Székely and Rizzo 2013, Eq. 5 and 6.
    """

    bias = "too large by about (E‖x − x'‖ + E‖y − y'‖) / samples"

    def compute(self, real: Sample, fake: Sample, rng: torch.Generator) -> dict[str, float]:
        between = torch.cdist(real.features, fake.features).mean()
        return {"energy_distance": (2 * between - self.spread(real) - self.spread(fake)).item()}

    def spread(self, sample: Sample) -> Tensor:
        """The mean distance within a sample; of the real ones it is computed once a run."""
        found = sample.once("energy", lambda: {"mean": torch.cdist(sample.features, sample.features).mean()})
        return found["mean"]


@nash.register("flow", "energy")
class EnergyFlow(Flow):
    """Particles are drawn to real samples and pushed off each other, at unit speed for each pair.

    Reference: Hertrich et al. 2024, Sec. 2 (r = 1).
    """

    def __init__(self, data: Source, references: Count = 500):
        super().__init__()
        self.data, self.references = data, references

    def init(self, particles: Tensor, key: Key) -> Tree:
        return {"real": self.data.draw(key, self.references)["real"]}

    def field(self, points: Tensor, particles: Tensor, memory: Tree) -> Field:
        return Field(pull(points, memory["real"]) - pull(points, particles))


def pull(points: Tensor, centres: Tensor) -> Tensor:
    """The mean unit vector from each point to the centres, [points, 2]."""
    ways = centres[None] - points[:, None]
    return (ways / ways.norm(dim=2, keepdim=True).clamp(min=1e-9)).mean(1)
