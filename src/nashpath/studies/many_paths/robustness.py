"""How much do learning rate and number of discriminator steps matter? Five GANs over a grid, on digits of 8x8 pixels.

The image experiments of Fedus et al. 2017 at laptop scale: digits in grey, and in two random colours (Color MNIST).
"""

from collections.abc import Iterator

from nashpath.data import SOURCES
from nashpath.metrics import real_sample
from nashpath.studies.figures import Heat, Strip
from nashpath.studies.many_paths.gan_variants import PENALISED, VARIANTS, dense_networks, solver, variant
from nashpath.studies.many_paths.sample_quality import ImageScores, learning_rates
from nashpath.studies.population import Population
from nashpath.studies.rows import Row
from nashpath.studies.study import Cell, Experiment, Size


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One GAN with one number of discriminator steps: a row for each learning rate and seed, all in one stack."""
    own = size.options
    settings = {"data": own["data"], "latent": 32, "batch_size": own["batch"], **dense_networks()}
    settings |= variant(cell["method"], own["weight"])
    sweep = {"solver": [solver(rate, cell["turns"]) for rate in own["rates"]]}
    population = Population(settings, size, sweep)
    population.play(size.steps)
    source = SOURCES[own["data"]]
    yard = ImageScores(
        real_sample(source("train").examples(2000), "digits", cached=False),
        source("test"),
        own["samples"],
        own["batches"],
        critic={"steps": own["critic_steps"], "batch_size": 64},
    )
    for rate, row in zip(learning_rates(population), yard.rows(population)):
        yield {"rate": rate, **row}


QUICK = {"batch": 64, "weight": 10.0, "samples": 200, "batches": 1, "critic_steps": 5}
DEFAULT = {"batch": 64, "weight": 10.0, "samples": 2000, "batches": 5, "critic_steps": 200}
ABOUT = (
    "Generator: MLP of 32 latents, two hidden layers of 128, ReLU, tanh. Discriminator: MLP of two hidden layers of "
    "128, leaky ReLU. Adam, β = (0.5, 0.9), the same rate for both, batch 64, penalty weight 10, 2,000 generator "
    "steps. Measured on 2,000 samples: Fréchet distance to the training images in the features of a digits classifier, "
    "mean structural similarity of the pairs within 5 batches of 64, and the distance from held-out images that an "
    "independent WGAN-GP critic sees after 200 steps (three layers of 128)"
)
GRID = [*((name, turns) for turns in (5, 1) for name in VARIANTS if name != "m_gan"), ("m_gan", 1)]

ROBUSTNESS = Experiment(
    name="robustness",
    about=f"Digits of 8x8 pixels. {ABOUT}, and the Inception score of the same classifier.",
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=10, options={**QUICK, "data": "digits", "rates": [5e-4, 2e-3]}),
        "default": Size(
            seeds=6, steps=2000, compiled=True, options={**DEFAULT, "data": "digits", "rates": [1e-4, 5e-4, 2e-3, 1e-2]}
        ),
    },
    cells=[{"method": name, "turns": turns} for name, turns in GRID],
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
    about=f"Digits of 8x8 pixels in two random colours; five discriminator steps for WGAN-GP, else one. {ABOUT}.",
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=10, options={**QUICK, "data": "coloured_digits", "rates": [5e-4, 2e-3]}),
        "default": Size(
            seeds=6, steps=2000, compiled=True, options={**DEFAULT, "data": "coloured_digits", "rates": [5e-4, 2e-3]}
        ),
    },
    cells=[{"method": "wgan_gp", "turns": 5}, *({"method": name, "turns": 1} for name in ("ns", *PENALISED))],
    figures=[
        Strip(
            "Fréchet distance, coloured digits", "Each dot is one seed at one learning rate; lower is better.",
            y="fid", by=("method", "rate"), log=True,
        ),
        Strip(
            "Similarity within a batch", "Mean structural similarity of pairs; high means little variety.",
            y="similarity", by=("method", "rate"),
        ),
    ],
)  # fmt: skip
