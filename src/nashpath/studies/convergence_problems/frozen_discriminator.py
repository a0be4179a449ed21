"""A generator against a discriminator that answers no more: its best reply is a single point.

The max-min of a game is not its min-max: against any fixed discriminator the generator that puts all mass where the
discriminator is surest of real samples does best. On the ring of Gaussians with networks, and for free distributions.
Reference: Salimans et al. 2016, Sec. 3.2; Goodfellow 2016, "NIPS 2016 Tutorial", Sec. 5.1.1.
"""

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor

from nashpath.core import Key, derive, generator
from nashpath.games import GAN, OBJECTIVES
from nashpath.games.ideal import PopulationGame, Softmax
from nashpath.metrics import modes
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.engine.step import outcome as outcome_of
from nashpath.run.observe.snapshot import place
from nashpath.solvers import Adam, Alternating, Solver
from nashpath.studies.figures import Cloud, Lines, Strip
from nashpath.studies.population import Population, split_steps
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

RATE = 1e-3
SETTINGS = {
    "data": "ring",
    "solver": {
        "kind": "alternating",
        "generator": {"kind": "adam", "learning_rate": RATE},
        "discriminator": {"kind": "adam", "learning_rate": RATE},
    },
}
SAMPLES = 1000
ATOMS = 16


def stop_discriminator(solver: Solver) -> None:
    """Sets the discriminator's rate to 0: it is a number, and so nothing but a tensor changes."""
    with torch.no_grad():
        solver.rule("discriminator").learning_rate.zero_()


def second_act(population: Population) -> list[tuple[int, str, Trial]]:
    """Each member twice from where it stands: with its discriminator live, and frozen."""
    found = []
    for seat in population:
        place(seat.trial, seat.train_state)
        live, frozen = deepcopy(seat.trial), deepcopy(seat.trial)
        stop_discriminator(frozen.solver)
        found += [(seat.member.seed, "live", live), (seat.member.seed, "frozen", frozen)]
    return found


def spread(points: Tensor) -> float:
    """The root of the total variance of points [n, d]."""
    return float(points.double().var(0, correction=0).sum().sqrt())


def measure_ring(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed and discriminator: modes and spread at the end, and the spread on the way."""
    population = Population(SETTINGS, size)
    population.play(size.steps)
    acts = second_act(population)
    seeds = [derive(seed, "second act") for seed, _, _ in acts]
    program, seen = Program([trial for *_, trial in acts], seeds, "stacked"), [_look(acts, None)]
    for steps in split_steps(size.options["alone"], size.options["looks"]):
        program.run(steps)
        seen.append(_look(acts, program))
    for index, (seed, which, trial) in enumerate(acts):
        last = seen[-1][index]
        row: Row = {"seed": seed, "discriminator": which, **last[0]}
        row |= {"outcome": outcome_of(trial, program.train_state(index)), "first_modes": seen[0][index][0]["modes"]}
        row["steps"] = [k * size.options["alone"] // size.options["looks"] for k in range(len(seen))]
        row["spreads"] = [round(look[index][0]["spread"], 6) for look in seen]
        if seed == 0:
            row["points"] = [[round(v, 3) for v in point] for point in last[1][:256].tolist()]
        yield row


def _look(acts: list[tuple[int, str, Trial]], program: Program | None) -> list[tuple[dict[str, float], Tensor]]:
    looks = []
    for index, (seed, _, trial) in enumerate(acts):
        game = trial.game
        assert isinstance(game, GAN)
        if program is not None:
            place(trial, program.train_state(index))
        found = game.sample(Key(seed, "samples"), SAMPLES)
        source = game.data
        with torch.no_grad():
            logit = float(game.discriminator(found).mean())
        counted = modes(found, source.centres, source.deviation)  # type: ignore[attr-defined]
        looks.append(({**counted, "spread": spread(found), "logit": round(logit, 6)}, found))
    return looks


def free_trial(seed: int) -> Trial:
    """Random masses on 16 points for data and model; the discriminator knows the best answer to the first model."""
    rng = generator(seed)
    data, model = (torch.randn(ATOMS, generator=rng) for _ in range(2))
    game = PopulationGame(Softmax(model), data.log_softmax(0), torch.linspace(-4, 4, ATOMS), OBJECTIVES["minimax"]())
    with torch.no_grad():
        game.discriminator.value.copy_(game.best_response())
    trial = Trial(game, Alternating(Adam(0.05), Adam(0.05)))
    stop_discriminator(trial.solver)
    return trial


@torch.no_grad()
def measure_free(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: the mass on the point that the discriminator likes best, before and after."""
    program = Program([free_trial(seed) for seed in range(size.seeds)], range(size.seeds), "stacked")
    program.run(size.steps)
    for seed, trial in enumerate(program.trials):
        game = trial.game
        assert isinstance(game, PopulationGame)
        liked, first = int(game.discriminator.value.argmax()), game.model()
        place(trial, program.train_state(seed))
        last = game.model()
        yield {"seed": seed, "mass_first": round(float(first[liked]), 6), "mass": round(float(last[liked]), 6)}


FROZEN_RING = Experiment(
    name="frozen-ring",
    about="Ring of 8 Gaussians, MLPs 2×64, non-saturating loss, alternating Adam (0.001, first decay 0.5), batch 64. "
    "After the first act each member goes on twice, with its discriminator live and with its discriminator's rate "
    "set to 0; 1000 samples.",
    measure=measure_ring,
    sizes={
        "quick": Size(seeds=2, steps=200, options={"alone": 200, "looks": 4}),
        "default": Size(seeds=24, steps=2000, options={"alone": 4000, "looks": 20}),
    },
    figures=[
        Lines("Spread of samples", "Frozen from step 0.", x="steps", y="spreads", by=("discriminator",)),
        Strip("Modes at the end", "A dot a seed: they lie at either end.", y="modes", by=("discriminator",)),
        Cloud("Samples at the end", points="points", by=("discriminator",)),
    ],
)

FROZEN_FREE = Experiment(
    name="frozen-free",
    about="Random masses on 16 points for data and model; the discriminator is the best answer to the first model and "
    "stays. Minimax objective, Adam (0.05) on the generator's logits, exact expectations.",
    measure=measure_free,
    sizes={"quick": Size(seeds=3, steps=300), "default": Size(seeds=8, steps=1500)},
    figures=[
        Strip("Mass on one point", "Of the best reply to a frozen discriminator.", y="mass", by=()),
    ],
)
