"""Six costs f(p/q), each minimised in three ways: as a divergence, with the ratio held, and as a GAN does.

Set-up: Yi, Zhu & Liu 2023, Sec. 4.3, and mingxuan-yi/MonoFlow, the two notebooks: steps and learning rates as
printed there. A shorter run has rates higher by as much, which Adam forgives. All costs and seeds of one cell
are one stack.
"""

from collections.abc import Callable, Iterator
from typing import get_args

import torch
from torch import Tensor, nn

from nashpath.flows import ReparameterisedGaussian, Variational
from nashpath.games.objectives.plug_in import Costs, PlugIn
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.solvers import Adam, Alternating, SinglePlayer
from nashpath.studies.figures import Cloud, Strip
from nashpath.studies.monoflow.gaussian_fit import TARGET, OneOf, clouds, fit, gaussian_gan
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

STEPS = 5000
"""The longest of the published runs."""

START = 1.0
"""Both coordinates of the generator's first mean; its covariance is I."""

EXPLICIT = {
    ("variational", "reverse_kl"): (1000, 1e-2),
    ("variational", "forward_kl"): (3000, 1e-2),
    ("variational", "chi2"): (5000, 1e-2),
    ("variational", "hellinger"): (3000, 1e-2),
    ("variational", "js"): (3000, 1e-2),
    ("variational", "exponential"): (2000, 1e-2),
    ("detached", "reverse_kl"): (1000, 1e-2),
    ("detached", "forward_kl"): (3000, 1e-3),
    ("detached", "chi2"): (3000, 1e-3),
    ("detached", "hellinger"): (3000, 1e-3),
    ("detached", "js"): (3000, 1e-3),
    ("detached", "exponential"): (3000, 1e-2),
}
"""Steps and learning rate of Adam where both densities are known."""

CRITIC_RATES = {"reverse_kl": 1e-3}
"""The discriminator's learning rate where it is not 1e-4; the generator's is 1e-3."""


class Cost(nn.Module):
    """The mean of a cost as a function of logits; as a module, because `Variational` must own its numbers."""

    def __init__(self, objective: OneOf):
        super().__init__()
        self.objective = objective

    def forward(self, d: Tensor) -> Tensor:
        return self.objective.generator(d)


def _chosen(cost: str) -> OneOf:
    """One of the six costs, so that all six are one program."""
    return OneOf([PlugIn(name) for name in get_args(Costs)], get_args(Costs).index(cost))


def explicit(way: str, cost: str, seed: int, size: Size) -> Trial:
    """Both densities are known; ``way`` says whether the gradient passes through θ in the ratio."""
    model = ReparameterisedGaussian(torch.full((2,), START))
    carried, batch = way == "variational", size.options["samples"]
    game = Variational(model, TARGET.log_density, Cost(_chosen(cost)), carried=carried, batch_size=batch)
    rate = EXPLICIT[way, cost][1] * STEPS / size.steps
    return Trial(game, SinglePlayer("generator", Adam(rate, b1=0.9)))


def adversarial(way: str, cost: str, seed: int, size: Size) -> Trial:
    """The ratio is a discriminator's: a batch of 32, one step of each player in turn."""
    game = gaussian_gan(_chosen(cost), START, size.options["widths"], 32, seed)
    faster = STEPS / size.steps
    rule = Adam(CRITIC_RATES.get(cost, 1e-4) * faster, b1=0.9)
    return Trial(game, Alternating(discriminator=rule, generator=Adam(1e-3 * faster, b1=0.9)))


BUILDERS: dict[str, Callable[[str, str, int, Size], Trial]] = {
    "variational": explicit,
    "detached": explicit,
    "gan": adversarial,
}


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each cost and seed, taken after as many steps as were published for it."""
    way, costs = cell["way"], _GROUPS[cell["costs"]]
    members = [(cost, seed) for cost in costs for seed in range(size.seeds)]
    trials = [BUILDERS[way](way, cost, seed, size) for cost, seed in members]
    program = Program(trials, [seed for _, seed in members], "stacked", size.compiled)
    due = [round(EXPLICIT.get((way, cost), (STEPS, 0))[0] * size.steps / STEPS) for cost, _ in members]
    for steps in sorted(set(due)):
        program.run(steps - program.taken)
        for k, (cost, seed) in enumerate(members):
            if due[k] == steps:
                params = program.train_state(k).point.players["generator"]
                row = {
                    "cost": cost,
                    "seed": seed,
                    "steps": steps,
                    "outcome": outcome(trials[k], program.train_state(k)),
                }
                yield row | fit(params) | (clouds(params) if seed == 0 else {})


_GROUPS = {
    "all": get_args(Costs),
    "first three": get_args(Costs)[:3],
    "last three": get_args(Costs)[3:],
}
"""The costs of one cell; the heavy way is two cells, so that two processes share it."""

RATIO_COSTS = Experiment(
    name="ratio-costs",
    about=(
        "The generator x = μ + S z, from N((1, 1), I), is to reach N(0, [[1, .8], [.8, .89]]) by minimising E_q f(p/q) "
        "for six f: reverse KL, forward KL, χ², Hellinger, JS, and −r^1.5, which is no divergence. Variational: both "
        "densities known, gradient through θ in the ratio too. Detached: the same with θ in the ratio held. Both with "
        "batches of 1,000 and Adam of the published rates, 1,000 to 5,000 steps. GAN: the ratio is exp of the logit of "
        "an MLP 2-512-256-1 (leaky ReLU), cross-entropy, batch 32, one step each in turn, Adam 1e-3 for the generator "
        "and 1e-4 (reverse KL: 1e-3) for the discriminator, 5,000 steps. Measured: exact KL(q‖p) and ‖μ‖. Success: KL "
        "< 0.1 and ‖μ‖ < 0.15; failure: KL > 1 and ‖μ‖ > 1.3."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=400, options={"samples": 300, "widths": [64, 64]}),
        "default": Size(seeds=10, steps=STEPS, compiled=True, options={"samples": 1000, "widths": [512, 256]}),
    },
    cells=[
        {"way": "gan", "costs": "first three"},
        {"way": "gan", "costs": "last three"},
        {"way": "variational", "costs": "all"},
        {"way": "detached", "costs": "all"},
    ],
    figures=[
        Strip(
            "KL(q‖p) by way and cost",
            "A dot a seed; below 0.1 is success.",
            y="kl",
            by=("way", "cost"),
            log=True,
            target=0.1,
        ),
        *(
            Cloud(
                f"Where the generator ends: {way}",
                "Orange: 128 points of the fitted Gaussian of the first seed; blue: of the target.",
                where={"way": way},
                points="points",
                by=("cost",),
                real="real",
            )
            for way in BUILDERS
        ),
    ],
)
