"""How much do learning rate and number of discriminator steps matter? Four GANs over a grid, on digits of 8x8 pixels.

The image experiments of Fedus et al. 2017 at laptop scale: digits in grey, and in two random colours (Color MNIST).
Every method is tried at the same rates with one discriminator step and with five. The rates are a factor of three
apart: in the rows of 2026-11-22 (1e-4 to 1e-2) all methods were best at 1e-2 with one step, the edge of that grid, and
none was better than uniform noise at 1e-4.

Seeds, from the means and deviations of those rows (Student, 5 % shared by 33 claims): the worst setting of WGAN-GP
needed 17, its median, plain GANs at five steps and the penalties' medians 7 or fewer; a third as many claims, judged in
Holm's order, bring most of them to 6 or 7. The diversity of samples needed 32 and 40, and stays undecided.
"""

from collections.abc import Iterator

import torch

from nashpath.data import SOURCES
from nashpath.metrics import FID, Sample, real_sample
from nashpath.run.observe.snapshot import samples
from nashpath.studies.figures import Heat, Strip
from nashpath.studies.many_paths.gan_variants import PENALISED, dense_networks, solver, variant
from nashpath.studies.many_paths.sample_quality import ImageScores, learning_rates
from nashpath.studies.population import Population
from nashpath.studies.rows import Row, significant
from nashpath.studies.shared.paper_data import uniform_noise
from nashpath.studies.study import Cell, Experiment, Size

EQUAL_COMPUTE = 3
"""A round of five discriminator steps costs six players' steps, one of one step two: three times as many."""


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One GAN with one number of discriminator steps: a row for each learning rate and seed, all in one stack.

    ``fid_third`` is the Fréchet distance after a third of the steps, ``fid_noise`` that of uniform noise.
    """
    own = size.options
    settings = {"data": own["data"], "latent": 32, "batch_size": own["batch"], **dense_networks()}
    settings |= variant(cell["method"], own["weight"])
    sweep = {"solver": [solver(rate, cell["turns"]) for rate in own["rates"]]}
    population = Population(settings, size, sweep)
    source = SOURCES[own["data"]]
    real = real_sample(source("train").examples(2000), "digits", cached=False)
    population.play(max(1, size.steps // EQUAL_COMPUTE))
    thirds = population.look(
        lambda seat: fid(real, samples(seat.trial, seat.train_state, seat.member.seed, own["samples"]))
    )
    population.play(size.steps - max(1, size.steps // EQUAL_COMPUTE))
    critic = {"steps": own["critic_steps"], "batch_size": 64}
    yard = ImageScores(real, source("test"), own["samples"], own["batches"], critic)
    worst = fid(real, uniform_noise(real, own["samples"]))
    for rate, third, row in zip(learning_rates(population), thirds, yard.rows(population)):
        yield {"rate": rate, "fid_third": third, "fid_noise": worst, **row}


def fid(real: Sample, fake: torch.Tensor) -> float:
    """The Fréchet distance of samples to the real ones."""
    return significant(FID()(real, Sample(fake, real.extractor))["fid"])


QUICK = {"batch": 64, "weight": 10.0, "samples": 200, "batches": 1, "critic_steps": 5, "rates": [1e-3, 3e-3, 1e-2]}
DEFAULT = {"batch": 64, "weight": 10.0, "samples": 2000, "batches": 5, "critic_steps": 200}
ABOUT = (
    "Generator: MLP of 32 latents, two hidden layers of 128, ReLU, tanh. Discriminator: MLP of two hidden layers of "
    "128, leaky ReLU. Adam, β = (0.5, 0.9), the same rate for both, batch 64, penalty weight 10, one or five "
    "discriminator steps for every method, {steps} generator steps. Measured on 2,000 samples: Fréchet distance to the "
    "training images in the features of a digits classifier (also after a third of the steps, when five discriminator "
    "steps have cost what one costs in the end), mean structural similarity of the pairs within 5 batches of 64, and "
    "the distance from held-out images that an independent WGAN-GP critic sees after 200 steps (three layers of 128). "
    "A setting (rate and discriminator steps) counts as trained where at least one method, in the mean over seeds, is "
    "nearer to the data than uniform noise ({noise}); the others measure speed, and are left out for all methods"
)
COMPARED = ("wgan_gp", "ns", *PENALISED)
CELLS = [{"method": name, "turns": turns} for turns in (5, 1) for name in COMPARED]

ROBUSTNESS = Experiment(
    name="robustness",
    about=f"Digits of 8x8 pixels. {ABOUT.format(steps='2,000', noise='1.0')}. Also the Inception score of the same "
    "classifier.",
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=10, options={**QUICK, "data": "digits"}),
        "default": Size(
            seeds=7,
            steps=2000,
            compiled=True,
            options={**DEFAULT, "data": "digits", "rates": [1e-3, 3e-3, 1e-2, 3e-2]},
        ),
    },
    cells=CELLS,
    figures=[
        Heat(
            "Fréchet distance over the grid", "Mean over seeds; darker is further from the data.",
            x="rate", y="turns", value="fid", by="method", log=True,
        ),
        Strip(
            "Fréchet distance of every member", "Each dot is one seed at one learning rate; lower is better.",
            y="fid", by=("turns", "method"), log=True,
        ),
        Strip(
            "An independent critic's distance", "In units of the images; lower is better.",
            y="critic", by=("turns", "method"),
        ),
    ],
)  # fmt: skip

COLOURED = Experiment(
    name="coloured-digits",
    about=f"Digits of 8x8 pixels in two random colours. {ABOUT.format(steps='1,200', noise='4.6')}. Until 2026-11-26 "
    "WGAN-GP alone had five discriminator steps here, and was the best by a factor of 9; with five DRAGAN-NS had 0.32 "
    "and 0.37 (two seeds) against its 0.38. In the rows of 2026-11-27 (rates to 1e-2) the best of most methods lay on "
    "the edge of the grid, which has 3e-2 since 2026-11-28, before the rows that are judged now.",
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=10, options={**QUICK, "data": "coloured_digits"}),
        "default": Size(
            seeds=6,
            steps=1200,
            compiled=True,
            options={**DEFAULT, "data": "coloured_digits", "rates": [1e-3, 3e-3, 1e-2, 3e-2]},
        ),
    },
    cells=CELLS,
    figures=[
        Strip(
            "Fréchet distance, coloured digits", "Each dot is one seed at one learning rate; lower is better.",
            y="fid", by=("turns", "method", "rate"), log=True,
        ),
        Strip(
            "Similarity within a batch", "Mean structural similarity of pairs; high means little variety.",
            y="similarity", by=("turns", "method", "rate"),
        ),
    ],
)  # fmt: skip
