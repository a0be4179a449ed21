"""Data on one line, a generator that starts on a parallel one: no divergence falls on the way, and one loss arrives.

``x = (0, z)``, ``z ~ N(0, 1)``, against ``G(z) = a z + b`` from ``a = (0, 1)``, ``b = (2, 0)``: the Jensen-Shannon
divergence is log 2 until the lines coincide. Fedus et al. 2017, synthetic experiments; after Arjovsky et al. 2017,
Example 1.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from nashpath.core import FunctionalGame, Key, derive, point_of, seeded
from nashpath.core.tree import norm
from nashpath.data import ParallelLines
from nashpath.games import GAN, OBJECTIVES
from nashpath.metrics.divergences import JS
from nashpath.networks import MLPDiscriminator
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.run.observe.snapshot import place, samples
from nashpath.solvers import SGD, Adam, Alternating
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.population import split_steps
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

LOSSES = ("minimax", "non_saturating")
LOOKS = 20
TURNS = 10
"""Discriminator updates in one step of the pre-training, whose generator is held."""


class AffineGenerator(nn.Module):
    """``G(z) = a z + b`` on a vertical line at distance 2 from the data: [batch, 1] to [batch, 2]."""

    def __init__(self):
        super().__init__()
        self.a = nn.Parameter(torch.tensor([0.0, 1.0]))
        self.b = nn.Parameter(torch.tensor([2.0, 0.0]))

    def forward(self, z: Tensor) -> Tensor:
        return z * self.a + self.b


def lines_game(objective: str, seed: int) -> GAN:
    """The game of one member: seeds differ in the discriminator's first weights."""
    with seeded(derive(seed, "weights")):
        discriminator = MLPDiscriminator((2,), width=128, depth=2, activation="relu")
    parts = {"data": ParallelLines(), "latent": 1, "batch_size": 128}
    return GAN(AffineGenerator(), discriminator, OBJECTIVES[objective](), **parts)


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """The rows of one objective, with or without a discriminator that was trained before the generator moves."""
    games = [lines_game(cell["objective"], seed) for seed in range(size.seeds)]
    before = pretrain(games, size.options["pretraining"]) if cell["pretrained"] else [{} for _ in games]
    start = [gradient_norms(game, seed) for seed, game in enumerate(games)]
    trials = [Trial(game, Alternating(_adam(), _adam())) for game in games]
    program = Program(trials, range(size.seeds), "stacked", size.compiled)
    curves = [_look(program, 0)]
    for count in split_steps(size.steps, LOOKS):
        program.run(count)
        curves.append(_look(program, len(curves)))
    for seed, trial in enumerate(trials):
        own = {"seed": seed, "outcome": outcome(trial, program.train_state(seed)), **before[seed]}
        own |= {f"gradient_{loss}": start[seed][loss] for loss in LOSSES}
        own["gradient_start"] = start[seed][cell["objective"]]
        taken = [0, *torch.tensor(split_steps(size.steps, LOOKS)).cumsum(0).tolist()]
        curve = {key: [look[seed][key] for look in curves] for key in curves[0][seed]}
        yield {**own, "step": taken, **curve, "d2": curve["d2_curve"][-1], "js": _mean(curve["js_curve"])}


def pretrain(games: Sequence[GAN], updates: int) -> list[dict[str, Any]]:
    """Trains the discriminators alone, in place; each member's gradient norms and bound on JS on the way.

    The generator is held by a learning rate of zero. The bound is ``log 2 − J_D / 2``, which no discriminator exceeds.
    """
    solvers = [Alternating(_adam(), SGD(0.0), discriminator_steps=TURNS) for _ in games]
    trials = [Trial(game, solver) for game, solver in zip(games, solvers)]
    program = Program(trials, [derive(seed, "pretraining") for seed in range(len(games))], "stacked")
    found: list[dict[str, Any]] = [{} for _ in games]
    for goal in checkpoints(updates // TURNS):
        program.run(goal - program.taken)
        for seed, (trial, own) in enumerate(zip(trials, found)):
            place(trial, program.train_state(seed))
            norms = gradient_norms(trial.game, seed)  # type: ignore[arg-type]
            reading = {f"pretraining_{loss}": norms[loss] for loss in LOSSES}
            reading |= {"pretraining_step": goal * TURNS, "pretraining_js": norms["js_bound"]}
            for key, value in reading.items():
                own.setdefault(key, []).append(value)
    return found


def checkpoints(steps: int) -> list[int]:
    """About nine numbers of steps from 0 to ``steps``, evenly spread in the logarithm."""
    return sorted({0, *(round(steps ** (k / 7)) for k in range(8))})


def gradient_norms(game: GAN, seed: int) -> dict[str, float]:
    """‖∇_G J_G‖ of both losses where the game stands, on one batch that never changes, and the bound on JS."""
    batch = game.draw(Key(seed, "gradient"))
    found = {}
    for loss in LOSSES:
        parts = {"data": game.data, "latent": game.latent, "batch_size": game.batch_size}
        twin = GAN(game.generator, game.discriminator, OBJECTIVES[loss](), **parts)
        found[loss] = significant(norm(_gradient(twin, batch)))
    with torch.no_grad():
        cost = float(game("discriminator", batch))
    return {**found, "js_bound": significant(torch.tensor(2.0).log() - cost / 2)}


def _gradient(game: GAN, batch: Any) -> dict[str, Tensor]:
    return FunctionalGame(game).gradient("generator", point_of(game), batch).gradient


def _look(program: Program, look: int) -> list[dict[str, float]]:
    """Each member's squared distance from the data's line, and the divergence that can be seen, on 2,000 samples."""
    found = []
    for seed, trial in enumerate(program.trials):
        fake = samples(trial, program.train_state(seed), derive(seed, f"look {look}"), 2000)
        away = ParallelLines().manifold_distance(fake)
        found.append({"d2_curve": significant(away.mean()), "js_curve": seen_js(away)})
    return found


def seen_js(away: Tensor) -> float:
    """A lower bound of JS, in nats: that of the verdicts of one rule, "real if the distance from the line is below t".

    ``away [n]`` are squared distances of generated samples; those of real ones are 0. Half of them choose ``t`` (half
    their smallest distance), the other half is judged. No function of a sample tells more apart than the samples do.
    """
    chosen, judged = away.chunk(2)
    missed = float((judged.sqrt() <= chosen.sqrt().min() / 2).double().mean())
    p, q = torch.tensor([1.0, 0.0], dtype=torch.float64), torch.tensor([missed, 1 - missed], dtype=torch.float64)
    return round(JS().integrate(p, q, p.log() - q.log()), 6)


def _adam() -> Adam:
    return Adam(1e-3, b1=0.5, b2=0.9)


def _mean(values: list[float]) -> float:
    return round(sum(values) / len(values), 6)


PARALLEL_LINES = Experiment(
    name="parallel-lines",
    about=(
        "Data (0, z), z ~ N(0, 1). Generator G(z) = a z + b from a = (0, 1), b = (2, 0). Discriminator: MLP "
        "2-128-128-1, ReLU. Adam, rate 1e-3, β = (0.5, 0.9), one discriminator step per generator step, batch 128, "
        "2,000 steps; 'pretrained' discriminators first have 2,000 updates alone. d2 is the mean squared distance of "
        "2,000 samples from the data's line (4 at the start); js is a lower bound of the Jensen-Shannon divergence, by "
        "the verdicts of a threshold on that distance; gradients are of the generator before its first step."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=40, options={"pretraining": 100}),
        "default": Size(seeds=8, steps=2000, options={"pretraining": 2000}),
    },
    cells=[{"objective": loss, "pretrained": known} for loss in LOSSES for known in (False, True)],
    figures=[
        Lines(
            "Distance to the data through training",
            "Squared distance from the data's line; every model on the way has a divergence of log 2.",
            x="step", y="d2_curve", by=("objective", "pretrained"), log_y=True,
        ),
        Lines(
            "The divergence that can be seen",
            "A lower bound of the Jensen-Shannon divergence; the line is log 2, which no pair exceeds.",
            x="step", y="js_curve", by=("objective", "pretrained"), target=0.693147,
        ),
        Lines(
            "The saturating loss's gradient while the discriminator learns",
            "Norm of the generator's gradient of the minimax loss against discriminator updates.",
            where={"pretrained": True},
            x="pretraining_step", y="pretraining_minimax", by=("objective",), log_y=True,
        ),
        Strip(
            "First gradient of the generator", "Norm, before the first step.",
            y="gradient_start", by=("objective", "pretrained"), log=True,
        ),
    ],
)  # fmt: skip
