"""Which distances between samples tell of the distributions, and which only of the samples.

Two independent samples of one distribution, N(0, I/d), so that every true distance is 0: what is measured is error.
Reference: Arora et al. 2017, Sec. 3.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from nashpath.core import Hyperparameters, derive, generator, seeded
from nashpath.core.math.f_divergences import js_of_masses
from nashpath.data import Samples
from nashpath.games import GAN
from nashpath.games.objectives import NeuralNetDistance
from nashpath.metrics import exact_wasserstein
from nashpath.networks import MLPDiscriminator
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.observe.snapshot import place
from nashpath.solvers import Adam, Alternating
from nashpath.studies.figures import Lines
from nashpath.studies.reading import exponent
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

DIRECTIONS = 200
DIMENSION = 64
"""The dimension in which discriminators are trained."""
WIDTH = 4


def pair(seed: int, dimension: int, count: int) -> tuple[Tensor, Tensor]:
    """Two independent samples of N(0, I/d), [count, dimension] each."""
    rng = generator(derive(seed, f"{count} samples in {dimension}"))
    first, second = torch.randn(2, count, dimension, generator=rng) / math.sqrt(dimension)
    return first, second


def linear_distance(x: Tensor, y: Tensor, rng: torch.Generator) -> float:
    """The most that any of 200 random linear functions of unit norm (or its negative) tells x from y."""
    directions = torch.randn(DIRECTIONS, x.shape[1], generator=rng)
    directions /= directions.norm(dim=1, keepdim=True)
    return float((directions @ (x.mean(0) - y.mean(0))).abs().max())


def empirical_js(x: Tensor, y: Tensor) -> float:
    """The Jensen-Shannon divergence of the two samples as distributions: of masses on all of their points."""
    points, where = torch.unique(torch.cat([x, y]), dim=0, return_inverse=True)
    p, q = (torch.bincount(part, minlength=len(points)).double() for part in (where[: len(x)], where[len(x) :]))
    return float(js_of_masses(p / len(x), q / len(y)))


def measure_distances(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed and number of samples: the distances between two samples of one distribution."""
    for seed in range(size.seeds):
        for count in size.options["counts"]:
            x, y = pair(seed, cell["dimension"], count)
            yield {
                "seed": seed,
                "samples": count,
                "wasserstein": round(exact_wasserstein(x, y), 6),
                "linear": round(linear_distance(x, y, generator(derive(seed, "directions"))), 6),
                "all_linear": round(float((x.mean(0) - y.mean(0)).norm()), 6),
                "js": empirical_js(x, y),
            }


class Resampled(nn.Module):
    """A generator that only hands out known samples: latents from U[−1, 1] choose among the first ``count``.

    ``shift`` is its one parameter; at a rate of 0 it stays at 0. The samples are padded to a common length, so that
    members with different numbers of them are one stack.
    """

    def __init__(self, values: Tensor, length: int):
        super().__init__()
        padded = torch.cat([values, values.new_zeros(length - len(values), values.shape[1])])
        self.known = Hyperparameters(values=padded, count=float(len(values)))
        self.shift = nn.Parameter(torch.zeros(values.shape[1]))

    def forward(self, latent: Tensor) -> Tensor:
        place = ((latent[:, 0] + 1) / 2 * self.known.count).long()
        last = self.known.count.long() - 1
        return self.known.values[torch.minimum(place.clamp_min(0), last)] + self.shift


def net_trial(seed: int, count: int, length: int) -> Trial:
    """A small discriminator that learns to tell two samples of one distribution apart."""
    x, y = pair(seed, DIMENSION, count)
    with seeded(derive(seed, "weights")):
        discriminator = MLPDiscriminator((DIMENSION,), width=WIDTH, depth=1)
    options = {"data": Samples(x), "latent": 1, "batch_size": 256}
    network, objective = Resampled(y, length), NeuralNetDistance("linear")
    game = GAN(network, discriminator, objective, **options, latent_distribution="uniform")
    return Trial(game, Alternating(Adam(3e-3, b1=0.9), Adam(0.0)))


@torch.no_grad()
def net_distance(trial: Trial, x: Tensor, y: Tensor) -> float:
    """``E φ(D(x)) + E φ(1 − D(y)) − 2 φ(½)`` over whole samples: what the discriminator has learnt to tell apart."""
    game = trial.game
    assert isinstance(game, GAN)
    return -float(game.objective.discriminator(game.discriminator(x), game.discriminator(y))) - 1


def measure_nets(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: the trained distance between the samples, and between fresh ones, for each number of them."""
    counts = size.options["counts"]
    members = [(seed, count) for seed in range(size.seeds) for count in counts]
    program = Program([net_trial(*m, max(counts)) for m in members], [seed for seed, _ in members], "stacked")
    program.run(size.steps)
    found: dict[int, list[tuple[float, float]]] = {seed: [] for seed in range(size.seeds)}
    for index, (seed, count) in enumerate(members):
        trial = program.trials[index]
        place(trial, program.train_state(index))
        fresh = pair(seed + 10_000, DIMENSION, 4096)
        found[seed].append((net_distance(trial, *pair(seed, DIMENSION, count)), net_distance(trial, *fresh)))
    for seed, pairs in found.items():
        seen, truth = ([round(value, 6) for value in column] for column in zip(*pairs))
        own: Row = {"seed": seed, "samples": list(counts), "net": seen, "fresh": truth}
        yield {**own, "slope": exponent(counts, [max(value, 1e-6) for value in seen]), "last_net": seen[-1]}


TWO_SAMPLES = Experiment(
    name="two-samples",
    about="Two independent samples of N(0, I/d): exact W₁ by network simplex, the most that 200 random unit linear "
    "functions tell apart, the most that any unit linear function does, and JS of the samples as distributions.",
    measure=measure_distances,
    sizes={
        "quick": Size(seeds=4, options={"counts": [64, 128]}),
        "default": Size(seeds=16, options={"counts": [64, 128, 256, 512]}),
    },
    cells=[{"dimension": d} for d in (2, 16, 64, 256)],
    figures=[
        Lines("W₁", "The truth is 0.", x="samples", y="wasserstein", by=("dimension",), log_x=True, log_y=True),
        Lines(
            "Linear functions", "The truth is 0.", x="samples", y="linear", by=("dimension",), log_x=True, log_y=True
        ),
    ],
)

TRAINED_DISTANCE = Experiment(
    name="trained-distance",
    about="Two independent samples of N(0, I/64); a discriminator 64-4-1 (leaky ReLU) learns to tell them apart under "
    "the neural-net distance with the linear measuring function, Adam (0.003, first decay 0.9), batch 256; its value "
    "over the whole samples, and over 4096 fresh ones.",
    measure=measure_nets,
    sizes={
        "quick": Size(seeds=2, steps=150, options={"counts": [256, 1024]}),
        "default": Size(seeds=8, steps=1500, options={"counts": [256, 512, 1024, 2048, 4096]}),
    },
    figures=[Lines("What a small net sees", "The truth is 0.", x="samples", y="net", by=(), log_x=True, log_y=True)],
)
