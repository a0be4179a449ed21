"""The paper's own images: Color MNIST, CIFAR-10 and CelebA with DCGANs, on a GPU.

After the image experiments of Fedus et al. 2017: Adam with β = (0.5, 0.9), one or five discriminator steps, batch 64;
Inception score, MS-SSIM in 5 batches of 64, and an independent Wasserstein critic. Rates, widths, numbers of steps and
the colours of Color MNIST are ours, where we could not read the paper's.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from torch import nn

from nashpath.metrics import as_extractor, real_sample
from nashpath.networks import DCGANDiscriminator
from nashpath.studies.figures import Heat, Strip
from nashpath.studies.many_paths.gan_variants import VARIANTS, solver, variant
from nashpath.studies.many_paths.sample_quality import ImageScores, learning_rates
from nashpath.studies.population import Population
from nashpath.studies.rows import Row
from nashpath.studies.shared.paper_data import PAPER_DATA, data_settings, source_of
from nashpath.studies.study import Cell, Experiment, Size


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One GAN on one data set with one number of discriminator steps: a row for each learning rate and seed."""
    own = size.options
    settings = image_settings(cell, own)
    sweep = {"solver": [solver(rate, cell["turns"]) for rate in own["rates"]]}
    population = Population(settings, size, sweep)
    population.play(size.steps)
    seat = next(iter(population))
    features = as_extractor(own["features"]).to(seat.train_state.steps.device)
    real: Any = seat.trial.game.data
    yard = ImageScores(
        real_sample(real.examples(own["samples"]), features),
        source_of(data_settings(cell["data"], "test", own)),
        own["samples"],
        critic={"steps": own["critic_steps"], "critic": partial(_critic, width=own["width"]), "stack": False},
    )
    for rate, row in zip(learning_rates(population), yard.rows(population)):
        yield {"rate": rate, **row}


def image_settings(cell: Cell, own: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one cell; convolutions are trained member after member."""
    networks = {"kind": "dcgan", "width": own["width"]}
    return {
        "data": data_settings(cell["data"], "train", own),
        "latent": own["latent"],
        "batch_size": own["batch"],
        "generator": networks,
        "discriminator": networks,
        "stack": "off",
        "device": own["device"],
        **variant(cell["method"], own["weight"]),
    }


def _critic(shape: tuple[int, ...], width: int) -> nn.Module:
    return DCGANDiscriminator(shape, width=width)


PAPER_IMAGES = Experiment(
    name="paper-images",
    about=(
        "Color MNIST and CIFAR-10 at 32 pixels, CelebA at 64. DCGANs of width 64 with batch normalisation in the "
        "generator and none in the discriminator, 100 latents, batch 64. Adam, β = (0.5, 0.9), rates 1e-4, 2e-4 and "
        "3e-4 for both players, one or five discriminator steps, 50,000 generator steps, penalty weight 10. Measured "
        "on 10,000 samples: FID and Inception score (Inception features), MS-SSIM of the pairs within 5 batches of 64, "
        "and the distance from held-out images that an independent convolutional WGAN-GP critic sees after 5,000 steps."
    ),
    measure=measure,
    sizes={
        "full": Size(
            seeds=4,
            steps=50_000,
            compiled=True,
            options={
                "data": {},
                "celeba": "",
                "features": "inception",
                "device": "auto",
                "batch": 64,
                "latent": 100,
                "width": 64,
                "weight": 10.0,
                "rates": [1e-4, 2e-4, 3e-4],
                "samples": 10_000,
                "critic_steps": 5000,
            },
        )
    },
    cells=[
        {"data": data, "method": method, "turns": turns}
        for data in PAPER_DATA
        for method in VARIANTS
        if method != "m_gan"
        for turns in (1, 5)
    ],
    figures=[
        Strip("FID of every member", "One dot a seed and learning rate.", y="fid", by=("data", "method"), log=True),
        Strip("MS-SSIM", "High means little variety.", y="similarity", by=("data", "method")),
        Heat(
            "FID over the grid on CelebA", where={"data": "celeba"},
            x="rate", y="turns", value="fid", by="method", log=True,
        ),
    ],
)  # fmt: skip

REAL_IMAGES = Experiment(
    name="real-coloured-mnist",
    about=(
        "Color MNIST at 28 pixels: all digits of MNIST in two random colours. The DCGANs of paper-images (width 64), "
        "100 latents, batch 64, Adam of 2e-4, β = (0.5, 0.9), one discriminator step for every method, 800 generator "
        "steps (0.9 epochs), penalty weight 10. Measured on 2,000 samples: Fréchet distance to 2,000 training images "
        "in the features of the package's MNIST classifier (64 for each colour channel), MS-SSIM of the pairs within 5 "
        "batches of 64, and the distance from held-out images that an independent convolutional WGAN-GP critic sees "
        "after 100 steps."
    ),
    measure=measure,
    sizes={
        "real": Size(
            seeds=4,
            steps=800,
            options={
                "data": {},
                "celeba": "",
                "pixels": 28,
                "features": "mnist",
                "device": "auto",
                "batch": 64,
                "latent": 100,
                "width": 64,
                "weight": 10.0,
                "rates": [2e-4],
                "samples": 2000,
                "critic_steps": 100,
            },
        )
    },
    cells=[{"data": "colour_mnist", "method": method, "turns": 1} for method in VARIANTS if method != "m_gan"],
    figures=[
        Strip("Fréchet distance", "A dot a seed; smaller is better.", y="fid", by=("method",), log=True),
        Strip("An independent critic's distance", "A dot a seed.", y="critic", by=("method",)),
    ],
)
