"""Mixtures of generators that are each too weak: what T of them reach together that one cannot, and what holds them up.

Each generator is affine, so its samples are one Gaussian; the data are eight.
Reference: Arora et al. 2017, Sec. 4 and 5.
"""

from collections.abc import Iterator

import torch
from torch import nn

from nashpath.core import FunctionalGame, Key, derive, generator
from nashpath.data import Ring
from nashpath.diagnostics import DualityGap
from nashpath.games.mixture import Mixture
from nashpath.games.objectives import Wasserstein
from nashpath.metrics import modes
from nashpath.networks import MLPDiscriminator, MLPGenerator
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.observe.snapshot import place, samples
from nashpath.solvers import SGD, Simultaneous
from nashpath.studies.figures import Cloud, Strip
from nashpath.studies.population import MemberState, Population, alternating_adam
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

SETTINGS = {
    "data": "ring",
    "latent": 2,
    "generator": {"kind": "mlp", "depth": 0},
    "solver": alternating_adam(1e-3),
}
SAMPLES = 2000
DISTANCE = 1000.0
"""How far apart the two generators of the rigged game are; the critic's slope is its inverse, so that they stay."""
ENTROPIES = (0.0, 0.1, 1.0)


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: modes, evenness, the generators' weights, and what the players could still gain alone."""
    width, batch = size.options["width"], size.options["batch"]
    game = {"kind": "mixture", "generators": cell["generators"], "discriminators": 1, "entropy": 0.1}
    critic = {"kind": "mlp", "width": width, "depth": 2, "activation": "relu"}
    population = Population({**SETTINGS, "game": game, "discriminator": critic, "batch_size": batch}, size)
    population.play(size.steps)
    for seat in population:
        source = seat.trial.game.data
        assert isinstance(source, Ring)
        fake = samples(seat.trial, seat.train_state, seat.member.seed, SAMPLES)
        counted = modes(fake, source.centres, source.deviation)
        row: Row = {"seed": seat.member.seed, "outcome": seat.outcome, **counted, **_weights(seat)}
        row["gap"] = duality_gap(seat, size.options["search"])
        if seat.member.seed == 0:
            row["points"] = [[round(v, 3) for v in point] for point in fake[:256].tolist()]
        yield row


def _weights(seat: MemberState) -> dict[str, float]:
    game = seat.trial.game
    assert isinstance(game, Mixture)
    with torch.no_grad():
        weights = game.ensembles()[0].weights()
    return {"largest": round(float(weights.max()), 6), "smallest": round(float(weights.min()), 6)}


def duality_gap(seat: MemberState, steps: int) -> float:
    """What both players could save by answers found in ``steps`` steps; the trial's modules hold the point."""
    look = DualityGap(steps=steps, restarts=1)
    batches = seat.trial.game.draw(Key(seat.member.seed, "gap"), (look.draws,))
    found = look(FunctionalGame(seat.trial.game), seat.train_state.point, batches)["duality_gap"]
    return round(float(found), 6)


def rigged_trial(entropy: float, gain: float) -> Trial:
    """Two generators of one point each under a fixed critic that prices them ``gain`` apart; only weights can move.

    The critic is linear with slope ``gain / 1000`` and the points are 1000 apart, so the generators themselves hardly
    move while the weights settle.
    """
    points = iter([0.0, DISTANCE])

    def new_generator() -> nn.Module:
        network = MLPGenerator(1, (1,), depth=0)
        _set(network.head, 0.0, next(points))
        return network

    def new_discriminator() -> nn.Module:
        network = MLPDiscriminator((1,), depth=0)
        _set(network.head, gain / DISTANCE, 0.0)
        return network

    sizes = {"generators": 2, "discriminators": 1, "entropy": entropy, "batch_size": 2}
    game = Mixture(new_generator, new_discriminator, Wasserstein(), data=_Points(), latent=1, **sizes)
    return Trial(game, Simultaneous(SGD(0.0), SGD(0.5)))


@torch.no_grad()
def _set(layer: nn.Linear, weight: float, bias: float) -> None:
    layer.weight.fill_(weight)
    layer.bias.fill_(bias)


class _Points:
    """Data at zero; the rigged game's critic does not learn from them."""

    shape: tuple[int, ...] = (1,)

    def draw(self, key: Key, count: int) -> dict[str, torch.Tensor]:
        return {"real": torch.zeros(count, 1, device=key.device)}


def settled_weight(entropy: float, gain: float) -> float:
    """The lesser of two weights where the regularised game stands still: ``w (1 − w) gain = entropy (½ − w)``."""
    a, b, c = gain, -(gain + entropy), entropy / 2
    return (-b - (b * b - 4 * a * c) ** 0.5) / (2 * a)


def measure_rigged(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed and entropy coefficient: the lesser weight, and where theory has it settle."""
    gains = [0.5 + float(torch.rand((), generator=generator(derive(seed, "gain")))) for seed in range(size.seeds)]
    members = [(seed, entropy) for seed in range(size.seeds) for entropy in ENTROPIES]
    program = Program([rigged_trial(e, gains[s]) for s, e in members], [s for s, _ in members], "stacked")
    program.run(size.steps)
    for index, (seed, entropy) in enumerate(members):
        trial = program.trials[index]
        place(trial, program.train_state(index))
        assert isinstance(trial.game, Mixture)
        with torch.no_grad():
            smallest = float(trial.game.ensembles()[0].weights().min())
        settled = settled_weight(entropy, gains[seed])
        yield {"seed": seed, "entropy": entropy, "smallest": smallest, "error": abs(smallest - settled)}


AFFINE_MIXTURES = Experiment(
    name="affine-mixtures",
    about="Ring of 8 Gaussians; T affine generators (2 latents) with softmax weights against one discriminator, an MLP "
    "of two ReLU layers; non-saturating loss, entropy coefficient 0.1, alternating Adam (0.001, first decay 0.5); 2000 "
    "samples. The gap is what both players save by answers found with Adam (0.01) in a limited number of steps.",
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=60, options={"width": 32, "batch": 32, "search": 5}),
        "default": Size(seeds=8, steps=6000, compiled=True, options={"width": 128, "batch": 64, "search": 50}),
    },
    cells=[{"generators": 16}, {"generators": 8}, {"generators": 1}],
    figures=[
        Strip("Modes covered", y="modes", by=("generators",), target=8),
        Strip("What the players could still gain", y="gap", by=("generators",)),
        Cloud("Samples", points="points", by=("generators",)),
    ],
)

RIGGED_WEIGHTS = Experiment(
    name="rigged-weights",
    about="Two generators of one point each under a fixed critic that prefers one of them, by 0.5 to 1.5; Wasserstein "
    "loss, plain gradient descent (0.5) on the weights' logits, entropy coefficients 0, 0.1 and 1.",
    measure=measure_rigged,
    sizes={"quick": Size(seeds=4, steps=400), "default": Size(seeds=8, steps=1500)},
    figures=[Strip("The lesser weight", y="smallest", by=("entropy",), log=True)],
)
