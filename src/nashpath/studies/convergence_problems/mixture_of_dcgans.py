"""MIX+DCGAN against DCGAN on images: T generators against T discriminators, with the same networks.

Reference: Arora et al. 2017, Sec. 6; PrincetonML/MIX-plus-GANs ``cifar10/train_mixgan.py``.
"""

from collections.abc import Iterator

import torch

from nashpath.core import Key
from nashpath.metrics import real_sample
from nashpath.run.engine.device import find_device
from nashpath.run.observe.snapshot import samples
from nashpath.studies.figures import Strip
from nashpath.studies.population import Population, alternating_adam
from nashpath.studies.rows import Row
from nashpath.studies.shared.paper_data import image_scores, source_of
from nashpath.studies.study import Cell, Experiment, Size

TRAIN = {"kind": "cifar10"}
_MNIST = {"kind": "mnist"}


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: Inception score and Fréchet distance at the end."""
    options, device = size.options, find_device(size.options["device"])
    teams = {"generators": cell["networks"], "discriminators": cell["networks"], "entropy": 0.1}
    network = {"kind": "dcgan", "width": options["width"]}
    settings = {
        "data": options["data"],
        "device": options["device"],
        "stack": "off",
        "batch_size": options["batch"],
        "latent": options["latent"],
        "game": {"kind": "mixture", **teams},
        "generator": network,
        "discriminator": network,
        "solver": alternating_adam(1e-4),
    }
    population = Population(settings, size)
    population.play(size.steps)
    real = source_of(options["data"]).draw(Key(0, "real", device), options["samples"])["real"]
    known = real_sample(real, options["features"], cached=False)
    for seat in population:
        fake = samples(seat.trial, seat.train_state, seat.member.seed, options["samples"])
        yield {"seed": seat.member.seed, "outcome": seat.outcome, **image_scores(fake, known), **_weights(seat.trial)}


@torch.no_grad()
def _weights(trial: torch.nn.Module) -> dict[str, float]:
    weights = trial.get_submodule("game.generator").weights()  # type: ignore[operator]
    return {"smallest": round(float(weights.min()), 6), "largest": round(float(weights.max()), 6)}


MIXTURE_OF_DCGANS = Experiment(
    name="mixture-of-dcgans",
    about="CIFAR-10; 5 DCGAN generators against 5 DCGAN discriminators (width 64) with softmax weights, entropy "
    "coefficient 0.1, beside one against one; non-saturating loss, alternating Adam (0.0001, first decay 0.5), batch "
    "49, 50 latents. Inception score and Fréchet distance of 10,000 samples, in features of Inception.",
    measure=measure,
    sizes={
        "full": Size(
            seeds=4,
            steps=100_000,
            compiled=True,
            options={
                "data": TRAIN,
                "device": "auto",
                "features": "inception",
                "samples": 10_000,
                "batch": 49,
                "latent": 50,
                "width": 64,
            },
        )
    },
    cells=[{"networks": 1}, {"networks": 5}],
    figures=[Strip("Inception score", "Higher is better.", y="inception_score", by=("networks",))],
)

REAL_MIXTURE = Experiment(
    name="real-mixture-of-dcgans",
    about="MNIST at 28 pixels; 3 DCGAN generators against 3 DCGAN discriminators (width 16, a quarter of that at full "
    "size) with softmax weights, entropy coefficient 0.1, beside one against one; non-saturating loss, alternating "
    "Adam (0.0001, first decay 0.5), batch 49, 50 latents, 1,500 steps. Inception score and Fréchet distance of 2,000 "
    "samples in the features of the package's MNIST classifier.",
    measure=measure,
    sizes={
        "real": Size(
            seeds=4,
            steps=1500,
            options={
                "data": _MNIST,
                "device": "auto",
                "features": "mnist",
                "samples": 2000,
                "batch": 49,
                "latent": 50,
                "width": 16,
            },
        )
    },
    cells=[{"networks": 1}, {"networks": 3}],
    figures=[
        Strip("Inception score", "Higher is better.", y="inception_score", by=("networks",)),
        Strip("Fréchet distance", "Lower is better.", y="fid", by=("networks",), log=True),
    ],
)
