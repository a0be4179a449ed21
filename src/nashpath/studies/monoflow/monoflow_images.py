"""DCGANs on MNIST and CIFAR-10 with losses that are increasing in the logit.

Set-up: Yi, Zhu & Liu 2023, Sec. 5.2, and mingxuan-yi/MonoFlow ``train_gan.py``: batch 128, latents from N(0, I₁₀₀),
Adam of 2e-4 and 1e-4 with β = (0.5, 0.999), 15 epochs; batch normalisation in both networks, weights from N(0, 0.02²).
At the scale of real data the generator moves by plain gradient descent, too, which hides nothing of its gradient's
size.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from nashpath.core import Key
from nashpath.metrics import MetricError
from nashpath.run.observe.metrics import ReferenceSet
from nashpath.run.observe.snapshot import place, samples
from nashpath.studies.figures import Strip
from nashpath.studies.population import MemberState, Population
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

LOSSES: dict[str, dict[str, Any]] = {
    **{f"C = {c}": {"h": "shifted_vanilla", "shift": float(c)} for c in (0, 1, 3, 5)},
    "logit": {"h": "logit"},
    "arcsinh": {"h": "arcsinh"},
    "non-saturating": {"h": "non_saturating"},
}

DESCENT = 0.1
"""The generator's learning rate by plain gradient descent."""
NETWORK = {"kind": "dcgan", "norm": "batch", "init": "normal"}


def settings(cell: Cell, size: Size) -> dict[str, Any]:
    """What `nashpath train` would be told."""
    given = size.options
    network = {**NETWORK, "width": given["width"]}

    def adam(rate: float) -> dict[str, Any]:
        return {"kind": "adam", "learning_rate": rate, "b1": 0.5, "b2": 0.999}

    rules: dict[str, dict[str, Any]] = {"adam": adam(1e-4), "sgd": {"kind": "sgd", "learning_rate": DESCENT}}
    return {
        "data": given[cell["data"]],
        "objective": {"kind": "monoflow", **LOSSES[cell["loss"]]},
        "generator": network,
        "discriminator": network,
        "latent": 100,
        "batch_size": given["batch"],
        "solver": {"kind": "alternating", "discriminator": adam(2e-4), "generator": rules[cell.get("rule", "adam")]},
        "device": given["device"],
        "stack": "off",
    }


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a seed: FID, and the mean logits of real and generated samples."""
    population = Population(settings(cell, size), size)
    population.play(size.steps)
    reference_set: ReferenceSet | None = None
    for seat in population:
        if reference_set is None:
            reference_set = ReferenceSet(seat.trial.game.data, ("fid",), size.options["features"])  # type: ignore[arg-type]
        fake = samples(seat.trial, seat.train_state, seat.member.seed, size.options["samples"])
        try:
            fid = significant(reference_set(fake, seat.member.seed)[0].value)
        except MetricError:
            fid = None
        yield {"seed": seat.member.seed, "outcome": seat.outcome, "fid": fid, **logits(seat)}


@torch.no_grad()
def logits(seat: MemberState) -> Mapping[str, float]:
    """The discriminator's mean logit on a batch of real and of generated samples, and mean σ(d) on the latter."""
    place(seat.trial, seat.train_state)
    game, key = seat.trial.game, Key(seat.member.seed, "logits", seat.train_state.steps.device)
    real = game.data.draw(key, game.batch_size)["real"]  # type: ignore[operator,union-attr]
    means = {"real_logit": game.discriminator(real).mean()}  # type: ignore[operator]
    fake = game.discriminator(game.sample(key, game.batch_size))  # type: ignore[operator]
    means |= {"fake_logit": fake.mean(), "belief": torch.sigmoid(fake).mean()}
    return {name: significant(float(value)) for name, value in means.items()}


def _experiment(name: str, title: str, steps: int, width: int, data: dict[str, Any]) -> Experiment:
    options = {name: data, "features": "inception", "samples": 10_000, "batch": 128}
    return Experiment(
        name=f"{name}-losses",
        about=(
            f"{title} at 32x32, DCGAN of width {width} with batch normalisation in both networks and weights from "
            f"N(0, 0.02²), latents N(0, I) of 100, batch 128, Adam of 2e-4 (discriminator) and 1e-4, β = (0.5, 0.999), "
            f"one step each in turn, {steps:,} steps (15 epochs). Losses: −softplus(d + C) for C = 0, 1, 3, 5, −d, "
            "−arcsinh d, −log D. Measured: FID of 10,000 samples (Inception), mean logits."
        ),
        measure=measure,
        sizes={
            "full": Size(seeds=4, steps=steps, compiled=True, options={**options, "width": width, "device": "auto"})
        },
        cells=[{"data": name, "loss": loss} for loss in LOSSES],
        figures=[
            Strip("FID by loss", "A dot a seed; smaller is better.", y="fid", by=("loss",)),
            Strip("What the discriminator believes of generated samples", "", y="belief", by=("loss",), log=True),
        ],
    )


MNIST_LOSSES = _experiment(
    "mnist",
    "MNIST",
    15 * 469,
    32,
    {"kind": "mnist", "size": 32},
)

CIFAR10_LOSSES = _experiment(
    "cifar10",
    "CIFAR-10",
    15 * 391,
    64,
    {"kind": "cifar10"},
)

REAL_LOSSES = Experiment(
    name="real-mnist-losses",
    about=(
        "MNIST at 28 pixels, the DCGANs of mnist-losses, half as wide (16), batch 128, one step each in turn, 700 "
        "steps (1.5 epochs). The discriminator by Adam of 2e-4; the generator by Adam of 1e-4 or by plain gradient "
        "descent of 0.1. Losses: −softplus(d + C) for C = 0, 1, 3, 5, −d and −log D. Measured: FID of 2,000 samples "
        "in the features of the package's MNIST classifier, mean logits."
    ),
    measure=measure,
    sizes={
        "real": Size(
            seeds=4,
            steps=700,
            options={
                "mnist": {"kind": "mnist"},
                "features": "mnist",
                "samples": 2000,
                "batch": 128,
                "width": 16,
                "device": "auto",
            },
        )
    },
    cells=[
        {"data": "mnist", "loss": loss, "rule": rule}
        for rule in ("sgd", "adam")
        for loss in LOSSES
        if loss != "arcsinh"
    ],
    figures=[
        Strip("FID by loss", "A dot a seed; smaller is better.", y="fid", by=("rule", "loss"), log=True),
        Strip("What the discriminator believes of generated samples", "", y="belief", by=("rule", "loss"), log=True),
    ],
)
