"""The vanilla loss vanishes where the discriminator is sure, and a shift C of its logits cures that.

Set-up: derived from Yi, Zhu & Liu 2023, Secs. 4.2 and 5.2, on the Gaussians of Sec. 4.3: the generator starts far away,
the discriminator is trained alone first, and the generator moves by plain gradient descent, because Adam rescales
gradients and hides how small they are. C is a number: all losses and seeds are one stack.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from nashpath.core import FunctionalGame, Key
from nashpath.diagnostics.base import mean_field
from nashpath.diagnostics.vanishing import VanishingGradient
from nashpath.games.objectives import MonoFlowObjective
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.solvers import SGD, Adam, Alternating, Scheduled
from nashpath.solvers.schedules import Schedule
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.monoflow.gaussian_fit import OneOf, fit, gaussian_gan
from nashpath.studies.population import split_steps
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

SHIFTS = (0.0, 1.0, 3.0, 5.0, 10.0)
OTHERS = ("logit", "non_saturating", "arcsinh")
LOSSES = {**{f"C = {c:g}": ("shifted_vanilla", c) for c in SHIFTS}, **{name: (name, 0.0) for name in OTHERS}}
"""Name of h and shift of each loss."""

START = 4.0
BATCH = 128
LOOKS = 25
FULL_STEPS = 2000
"""The generator's steps as calibrated, after half as many of the discriminator alone."""
LOOKED = 4
"""Batches over which the first gradient is averaged."""


class Late(Schedule):
    """No move for ``wait`` steps, then the whole one."""

    def __init__(self, wait: float):
        super().__init__(wait=wait)

    def forward(self, count: Tensor) -> Tensor:
        return (count >= self.wait).to(count)


def trial(loss: str, seed: int, size: Size, objective: OneOf | MonoFlowObjective | None = None) -> Trial:
    """The game with one loss: Adam of 1e-3 for the discriminator, gradient descent of 0.01, begun late, for the other.

    Fewer steps have rates higher by as much.
    """
    game = gaussian_gan(objective or _priced(loss), START, size.options["widths"], BATCH, seed)
    faster = FULL_STEPS / size.steps
    late = Scheduled(SGD(1e-2 * faster), Late(_first(size)))
    return Trial(game, Alternating(discriminator=Adam(1e-3 * faster, b1=0.9), generator=late))


def _priced(loss: str) -> OneOf:
    """One of the losses: h is chosen by a number, and C is a number."""
    name, shift = LOSSES[loss]
    kinds = ("shifted_vanilla", *OTHERS)
    return OneOf([MonoFlowObjective(kind, shift=shift) for kind in kinds], kinds.index(name))


def _first(size: Size) -> int:
    """How many steps the discriminator takes alone."""
    return size.steps // 2


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each loss and seed: the generator's first gradient, and where it got."""
    members = [(loss, seed) for loss in LOSSES for seed in range(size.seeds)]
    trials = [trial(loss, seed, size) for loss, seed in members]
    program = Program(trials, [seed for _, seed in members], "stacked", size.compiled)
    program.run(_first(size))
    begun = [_first_gradient(trials[k], program, k, seed, size) for k, (_, seed) in enumerate(members)]
    steps, ways = [0], [[_distance(program, k)] for k in range(len(members))]
    for count in split_steps(size.steps, LOOKS):
        program.run(count)
        steps.append(steps[-1] + count)
        for k, way in enumerate(ways):
            way.append(_distance(program, k))
    for k, (loss, seed) in enumerate(members):
        row: Row = {"loss": loss, "seed": seed, "outcome": outcome(trials[k], program.train_state(k)), **begun[k]}
        yield row | fit(program.train_state(k).point.players["generator"]) | {"step": steps, "distance_curve": ways[k]}


def _distance(program: Program, member: int) -> float:
    return significant(float(program.train_state(member).point.players["generator"]["mean"].norm()))


@torch.no_grad()
def _first_gradient(member: Trial, program: Program, index: int, seed: int, size: Size) -> Row:
    """``gradient``, the norm over μ, and ``share``, the norm over all parameters as a share of the logit loss's."""
    reference = FunctionalGame(trial("logit", seed, size, MonoFlowObjective("logit")).game)
    problem, point = FunctionalGame(member.game), program.train_state(index).point
    batches = member.game.draw(Key(seed, "look"), (LOOKED,))
    over_mean = mean_field(problem, point, batches, LOOKED)["generator"]["mean"].norm()
    share = VanishingGradient(reference, LOOKED)(problem, point, batches)["vanishing"]
    return {"gradient": significant(float(over_mean)), "share": significant(float(share))}


SHIFTED_VANILLA = Experiment(
    name="shifted-vanilla",
    about=(
        "The generator x = μ + S z starts at N((4, 4), I); the target is N(0, [[1, .8], [.8, .89]]). The discriminator "
        "(MLP 2-128-128-1, leaky ReLU, Adam 1e-3) takes 1,000 steps alone, then both take 2,000 in turn, the generator "
        "by plain gradient descent of 0.01; batch 128. Losses: −softplus(d + C), C = 0, 1, 3, 5, 10, and −d, −log D, "
        "−arcsinh d. Measured: the norm of the first gradient over μ (512 samples), that gradient as a share of the "
        "logit loss's at the same point, and ‖μ‖ at the end."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=200, options={"widths": [32, 32]}),
        "default": Size(seeds=8, steps=FULL_STEPS, compiled=True, options={"widths": [128, 128]}),
    },
    figures=[
        Lines(
            "Distance of the means",
            "‖μ‖ against the generator's steps, median and range over seeds; without a shift it barely moves.",
            x="step",
            y="distance_curve",
            by=("loss",),
        ),
        Strip("The generator's first gradient", "Norm over μ, a dot a seed.", y="gradient", by=("loss",), log=True),
    ],
)
