"""Other increasing h as losses of the same GAN: all of them reach the target.

Set-up: as the GANs of `ratio_costs` (Yi, Zhu & Liu 2023, Sec. 4.3), with losses of Sec. 4.2 and of mingxuan-yi/MonoFlow
``train_gan.py``. All losses and seeds are one stack.
"""

from collections.abc import Iterator

from nashpath.games.objectives import MonoFlowObjective
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.solvers import Adam, Alternating
from nashpath.studies.figures import Cloud, Strip
from nashpath.studies.monoflow.gaussian_fit import OneOf, clouds, fit, gaussian_gan
from nashpath.studies.monoflow.ratio_costs import START, STEPS
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size

LOSSES = {
    "non-saturating": MonoFlowObjective("non_saturating"),
    "vanilla, C = 0": MonoFlowObjective("vanilla"),
    "vanilla, C = 5": MonoFlowObjective("shifted_vanilla", shift=5.0),
    "arcsinh": MonoFlowObjective("arcsinh"),
    "maximum likelihood": MonoFlowObjective("exponential", power=1.0),
}


def trial(loss: str, seed: int, size: Size) -> Trial:
    """The GAN with one of the losses, both players under Adam of 1e-3."""
    objective = OneOf(list(LOSSES.values()), list(LOSSES).index(loss))
    game = gaussian_gan(objective, START, size.options["widths"], 32, seed)
    rate = 1e-3 * STEPS / size.steps
    return Trial(game, Alternating(discriminator=Adam(rate, b1=0.9), generator=Adam(rate, b1=0.9)))


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each loss and seed."""
    members = [(loss, seed) for loss in LOSSES for seed in range(size.seeds)]
    trials = [trial(loss, seed, size) for loss, seed in members]
    program = Program(trials, [seed for _, seed in members], "stacked", size.compiled)
    program.run(size.steps)
    for k, (loss, seed) in enumerate(members):
        params = program.train_state(k).point.players["generator"]
        row = {"loss": loss, "seed": seed, "outcome": outcome(trials[k], program.train_state(k))}
        yield row | fit(params) | (clouds(params) if seed == 0 else {})


MONOTONE_LOSSES = Experiment(
    name="monotone-losses",
    about=(
        "The GAN of ratio-costs with other increasing h: −log D, log(1 − D) unshifted and with C = 5, arcsinh of the "
        "logit, and maximum likelihood (h = r). MLP discriminator 2-512-256-1, batch 32, Adam of 1e-3 for both "
        "players, one step each in turn, 5,000 steps. Measured: exact KL(q‖p)."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=400, options={"widths": [64, 64]}),
        "default": Size(seeds=6, steps=STEPS, compiled=True, options={"widths": [512, 256]}),
    },
    figures=[
        Strip("KL(q‖p) by loss", "A dot a seed; the criterion is 0.2.", y="kl", by=("loss",), log=True, target=0.2),
        Cloud(
            "Where the generator ends",
            "Orange: 128 points of the fitted Gaussian of the first seed; blue: of the target.",
            points="points",
            by=("loss",),
            real="real",
        ),
    ],
)
